import type { Store, Transaction } from "@holdfast/inventory";
import { Host } from "@holdfast/protocol/kinds/host";
import { Instance } from "@holdfast/protocol/kinds/instance";
import type { Resource } from "@holdfast/protocol/kinds/kind";
import { kindOfId } from "@holdfast/protocol/kinds/kinds";
import { DOWN, hostTopic } from "@holdfast/protocol/topics";
import { type Clock, type Log, type Reconciler, settled } from "@holdfast/runtime";
import type { Broker } from "../broker/broker.ts";
import { readSetting } from "../database/settings.ts";
import { siteTables } from "../database/tables.ts";
import { hasPendingIntents } from "../intents/intents.ts";
import type { Outbox } from "../outbox/outbox.ts";
import type { ReplicaOf } from "../replica/materialise.ts";
import { type Credentials, removeCredential } from "./credentials.ts";
import { type DesiredDocument, desiredContent, desiredPayload, storeDesired } from "./desired.ts";
import { observe } from "./observe.ts";
import { type HostPlan, planHost } from "./plan.ts";
import type { Presence } from "./presence.ts";
import { release } from "./release.ts";

export interface HostReconcilerOptions {
  readonly store: Store;
  readonly outbox: Outbox;
  readonly credentials: Credentials;
  readonly presence: Presence;
  readonly broker: Pick<Broker, "publish" | "disconnect" | "forget">;
  readonly replicaOf: () => Promise<ReplicaOf | undefined>;
  readonly clock: Clock;
  readonly log: Log;
}

interface Done {
  readonly plan: HostPlan;
  readonly document: DesiredDocument | undefined;
}

/** Brings what this site does about each host in line with what is wanted of it, and says what it sees of it. */
export function hostReconciler(options: HostReconcilerOptions): Reconciler {
  const { store, credentials, replicaOf } = options;
  return {
    name: "hosts",
    list: async () => {
      const of = await replicaOf();
      if (!of) return [];
      const held = await store.read(async (view) => {
        const lists = await Promise.all([Host, Instance].map((kind) => view.list(kind, { tenant: of.tenant })));
        return lists.flatMap(({ resources }) => resources.map(({ resourceId }) => resourceId));
      });
      return [...new Set([...held, ...credentials.hosts()])];
    },
    reconcile: async (id) => {
      const of = await replicaOf();
      const kind = kindOfId(id);
      if (!of || !kind) return settled;
      if (kind.name === Instance.name) await reconcileInstance(options, of, id);
      else if (kind.name === Host.name) await reconcileHost(options, of, id);
      return settled;
    },
  };
}

async function reconcileHost(options: HostReconcilerOptions, of: ReplicaOf, id: string): Promise<void> {
  const { plan, document } = await options.store.write((transaction) => decide(options, transaction, of, id));
  if (plan.expel) await expel(options, id, plan.expel);
  if (document && document.published === 0) await publish(options, of, document);
}

/** What must be durable before anything is done: the plan's record, and what the hub must hear of it. */
async function decide(
  { outbox, credentials, clock }: HostReconcilerOptions,
  transaction: Transaction,
  of: ReplicaOf,
  id: string,
): Promise<Done> {
  const host = await transaction.get(Host, of.tenant, id);
  const plan = planHost({
    site: of.site,
    host: host && situationOf(host),
    enrolled: credentials.has(id),
    pending: await hasPendingIntents(transaction, Host.name, id),
    contradicted: await isContradicted(transaction, id),
  });
  if (plan.release) await release(transaction, outbox, { kind: Host, id, reason: plan.release });
  if (plan.expel) {
    await removeCredential(transaction, id);
    const tables = siteTables(transaction);
    await tables.deleteFrom("host_link").where("host", "=", id).execute();
    await tables.deleteFrom("desired_document").where("host", "=", id).execute();
    await outbox.event(transaction, { kind: "host", subject: id, event: "expelled", detail: { by: plan.expel } });
  }
  await observe(transaction, { outbox, of, now: clock.now() }, { id, seen: plan.observed });
  return { plan, document: plan.instruct && host ? await documentFor(transaction, host) : undefined };
}

function situationOf({ owner, fields }: Resource<typeof Host>) {
  const { siteId, desiredState, currentState } = fields;
  return { owner, siteId: siteId === undefined ? undefined : String(siteId), desiredState, currentState };
}

async function isContradicted(transaction: Transaction, id: string): Promise<boolean> {
  const link = await siteTables(transaction)
    .selectFrom("host_link")
    .select("mismatch")
    .where("host", "=", id)
    .executeTakeFirst();
  return typeof link?.mismatch === "string";
}

async function documentFor(transaction: Transaction, host: Resource<typeof Host>): Promise<DesiredDocument> {
  const incarnation = (await readSetting(transaction, "incarnation")) ?? 0;
  const content = await desiredContent(transaction, host);
  return storeDesired(transaction, { host: host.resourceId, incarnation, content });
}

async function expel(options: HostReconcilerOptions, id: string, how: "revoke" | "forget"): Promise<void> {
  const { credentials, presence, broker, log } = options;
  // First nobody gets in any more, then who is in goes out.
  await credentials.refresh();
  if (how === "forget") await broker.forget(id);
  else await broker.disconnect(id, "the host is not trusted any more");
  presence.forget(id);
  log.info({ host: id, how }, "host put out");
}

async function publish(
  { store, broker }: HostReconcilerOptions,
  of: ReplicaOf,
  document: DesiredDocument,
): Promise<void> {
  const { host, incarnation, counter } = document;
  await broker.publish(hostTopic(of.site, host, DOWN.desired), desiredPayload(document), { qos: 1, retain: true });
  await store.write((transaction) =>
    siteTables(transaction)
      .updateTable("desired_document")
      .set({ published: 1 })
      .where("host", "=", host)
      .where("incarnation", "=", incarnation)
      .where("counter", "=", counter)
      .execute(),
  );
}

async function reconcileInstance({ store, outbox }: HostReconcilerOptions, of: ReplicaOf, id: string): Promise<void> {
  await store.write(async (transaction) => {
    const instance = await transaction.get(Instance, of.tenant, id);
    if (instance?.owner !== of.site || instance.fields.desiredState !== "INSTANCE_STATE_DELETED") return;
    if (await hasPendingIntents(transaction, Instance.name, id)) return;
    await release(transaction, outbox, { kind: Instance, id, reason: "deleted" });
  });
}
