import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { isProof, orderKeyProof } from "@holdfast/protocol/enrolment";
import {
  keyIdOf,
  type Order,
  OrderKey,
  OrderKeyReply,
  type OrderKeyRequest,
  orderKeyId,
  verifyOrder,
} from "@holdfast/protocol/orders";
import { type Clock, hashSecret, type Log, seconds } from "@holdfast/runtime";
import { type Static, Type } from "typebox";
import { Value } from "typebox/value";
import { CLOCK_UNSET_BEFORE, Refused } from "./calls.ts";
import { withDeadline } from "./deadline.ts";
import { readDocument, writeDocument } from "./durable-file.ts";
import { post } from "./http.ts";
import type { Enrolment } from "./identity.ts";

const KnownKey = Type.Object({ siteId: Type.String(), keyId: Type.String(), key: OrderKey, sequence: Type.Integer() });
type KnownKey = Static<typeof KnownKey>;
const Journal = Type.Object({ keys: Type.Array(KnownKey), taken: Type.Array(Type.String()) });

export interface OrdersOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly stateDir: string;
  readonly siteUrl: string;
  readonly enrolment: () => Enrolment | undefined;
  readonly signal: AbortSignal;
}

/** `repeated`: this very order was taken before; whatever came of it, it is not carried out again. */
export type Taken = { readonly is: "taken" | "repeated"; readonly order: Pick<Order, "id" | "arguments"> };

/** Orders that the site signs: what does something to the machine, where others only look. */
export interface Orders {
  /**
   * Takes an order of this type: its sequence is durable when this resolves, so that it is never taken again. Rejects with
   * Refused and a sentence when it is not the site's, not for this machine, too late, or older than one that was taken.
   */
  take(signed: string | undefined, type: string): Promise<Taken>;
}

/** Of keys that a site had before, their sequences: with an old disk it has an old key again. */
const KEYS_KEPT = 8;
const TAKEN_KEPT = 1_000;
const ANSWER_WITHIN = seconds(10);

/** Opens the journal of orders. */
export function createOrders(options: OrdersOptions): Orders {
  const { clock, log, stateDir, enrolment } = options;
  const file = join(stateDir, "orders.json");
  let journal: Static<typeof Journal> = readDocument(file, Journal, log) ?? { keys: [], taken: [] };
  let last: Promise<unknown> = Promise.resolve();

  function keep(next: typeof journal): void {
    writeDocument(file, next);
    journal = next;
  }

  async function keyOf(keyId: string, of: Enrolment): Promise<KnownKey> {
    const known = journal.keys.find((each) => each.keyId === keyId && each.siteId === of.siteId);
    // Only the newest is trusted: of the others nothing but the sequence is remembered.
    if (known !== undefined && known === journal.keys.at(-1)) return known;
    const key = await askOrderKey(options, of);
    const there = key && (await orderKeyId(key));
    if (key === undefined || there !== keyId) {
      throw new Refused(`the order is signed by key ${keyId}, which ${of.siteId} does not say is its own`);
    }
    const trusted: KnownKey = { siteId: of.siteId, keyId, key, sequence: known?.sequence ?? 0 };
    keep({ ...journal, keys: [...journal.keys.filter((each) => each !== known), trusted].slice(-KEYS_KEPT) });
    log.info({ site: of.siteId, keyId }, "the site's orders are signed by this key");
    return trusted;
  }

  async function take(signed: string | undefined, type: string): Promise<Taken> {
    const of = enrolment();
    if (of === undefined) throw new Refused("this machine is of no site");
    const keyId = keyIdOf(signed ?? "");
    if (signed === undefined || keyId === undefined) throw new Refused("the order is not signed by the site");
    const key = await keyOf(keyId, of);
    const now = clock.now();
    const expected = { site: of.siteId, host: of.hostId, now: now < CLOCK_UNSET_BEFORE ? undefined : now };
    // Whether it was taken is asked of what is signed, so first of all as if nothing had been.
    const signedWell = await verifyOrder(signed, key.key, { ...expected, sequence: 0 });
    if (signedWell.is === "refused") throw new Refused(signedWell.reason);
    const { order } = signedWell;
    if (order.type !== type) throw new Refused(`the order is one of ${order.type}, not of ${type}`);
    if (journal.taken.includes(order.id)) return { is: "repeated", order };
    if (order.sequence <= key.sequence) {
      throw new Refused(`the order's sequence is ${order.sequence}, and ${key.sequence} was carried out already`);
    }
    const keys = journal.keys.map((each) => (each === key ? { ...each, sequence: order.sequence } : each));
    keep({ keys, taken: [...journal.taken, order.id].slice(-TAKEN_KEPT) });
    return { is: "taken", order };
  }

  return {
    take: (signed, type) => {
      const next = last.then(() => take(signed, type));
      last = next.catch(() => undefined);
      return next;
    },
  };
}

/** The key by which the site signs, from whoever proves to know this machine; undefined when nobody does. */
async function askOrderKey(
  { clock, siteUrl, log, signal }: OrdersOptions,
  { hostId, siteId, secret }: Enrolment,
): Promise<OrderKey | undefined> {
  const request: OrderKeyRequest = { hostId, nonce: randomBytes(16).toString("hex") };
  try {
    const asking = { clock, within: ANSWER_WITHIN, what: "asking for the site's key", signal };
    const { status, body } = await withDeadline(asking, (within) =>
      post(new URL("/v1/order-key", siteUrl), { headers: {}, body: request, signal: within }),
    );
    if (status !== 200) return undefined;
    const reply: unknown = JSON.parse(body);
    if (!Value.Check(OrderKeyReply, reply) || reply.siteId !== siteId) return undefined;
    const keyId = await orderKeyId(reply.key);
    const expected = orderKeyProof(hashSecret(secret), { hostId, siteId, nonce: request.nonce, keyId });
    return isProof(reply.proof, expected) ? reply.key : undefined;
  } catch (error) {
    log.warn({ error: String(error) }, "the site's key for orders cannot be asked for");
    return undefined;
  }
}
