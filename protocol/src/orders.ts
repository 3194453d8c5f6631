import { CompactSign, type CryptoKey, calculateJwkThumbprint, compactVerify, importJWK } from "jose";
import { type Static, Type } from "typebox";
import { Value } from "typebox/value";

/** The public key by which a site signs its orders: Ed25519, RFC 8037. */
export const OrderKey = Type.Object({
  kty: Type.Literal("OKP"),
  crv: Type.Literal("Ed25519"),
  x: Type.String({ pattern: "^[A-Za-z0-9_-]{43}$" }),
});
export type OrderKey = Static<typeof OrderKey>;

/** What is signed: who orders what of which machine. A machine carries out each sequence of a key once, and none after a higher one. */
export const Order = Type.Object({
  site: Type.String({ minLength: 1, maxLength: 64 }),
  host: Type.String({ minLength: 1, maxLength: 64 }),
  sequence: Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }),
  id: Type.String({ minLength: 1, maxLength: 128 }),
  type: Type.String({ minLength: 1, maxLength: 64 }),
  arguments: Type.String({ maxLength: 16_384, description: "JSON text; its shape belongs to the type" }),
  notAfter: Type.Integer({ minimum: 0, description: "milliseconds since the epoch" }),
});
export type Order = Readonly<Static<typeof Order>>;

/** `POST /v1/order-key` at a site-node: a machine that the site knows asks by which key the site signs. */
export const OrderKeyRequest = Type.Object(
  {
    hostId: Type.String({ pattern: "^host-[0-9a-f]{8}$" }),
    nonce: Type.String({ pattern: "^[0-9a-f]{32}$", description: "random, of this request: the proof answers it" }),
  },
  { additionalProperties: false },
);
export type OrderKeyRequest = Static<typeof OrderKeyRequest>;

/** `proof` shows that it is a site which knows this machine: see `orderKeyProof`. */
export const OrderKeyReply = Type.Object({
  siteId: Type.String({ maxLength: 64 }),
  key: OrderKey,
  proof: Type.String({ pattern: "^[0-9a-f]{64}$" }),
});
export type OrderKeyReply = Static<typeof OrderKeyReply>;

/** What a machine expects of an order that is given to it. */
export interface Expected {
  readonly site: string;
  readonly host: string;
  /** The highest sequence of this key that was carried out; 0 before the first. */
  readonly sequence: number;
  /** Milliseconds since the epoch; undefined when the machine's clock proves nothing. */
  readonly now: number | undefined;
}

export type OrderVerdict =
  | { readonly is: "valid"; readonly order: Order }
  | { readonly is: "refused"; readonly reason: string };

const TYPE = "holdfast-order";
const ALGORITHM = "EdDSA";
const ORDER_MOST = 64 * 1024;
const bytesOf = new TextEncoder();

/** Names a key: its thumbprint, RFC 7638. */
export function orderKeyId({ kty, crv, x }: OrderKey): Promise<string> {
  return calculateJwkThumbprint({ kty, crv, x });
}

/** The order, signed: JWS compact. */
export async function signOrder(order: Order, { key, keyId }: { key: CryptoKey; keyId: string }): Promise<string> {
  return new CompactSign(bytesOf.encode(JSON.stringify(order)))
    .setProtectedHeader({ alg: ALGORITHM, kid: keyId, typ: TYPE })
    .sign(key);
}

/** The id of the key that a signed order names; undefined when it is none. Proves nothing. */
export function keyIdOf(signed: string): string | undefined {
  if (signed.length > ORDER_MOST) return undefined;
  try {
    const header: unknown = JSON.parse(Buffer.from(signed.slice(0, signed.indexOf(".")), "base64url").toString());
    const id = header !== null && typeof header === "object" && "kid" in header ? header.kid : undefined;
    return typeof id === "string" && /^[A-Za-z0-9_-]{43}$/.test(id) ? id : undefined;
  } catch {
    return undefined;
  }
}

/** Whether it is an order of this site to this machine, now, and not done before. Never rejects for what is in `signed`. */
export async function verifyOrder(signed: string, key: OrderKey, expected: Expected): Promise<OrderVerdict> {
  if (signed.length > ORDER_MOST) return refused(`the order has more than ${ORDER_MOST} characters`);
  const trusted = await importJWK({ ...key }, ALGORITHM);
  let order: unknown;
  try {
    const { payload, protectedHeader } = await compactVerify(signed, trusted, { algorithms: [ALGORITHM] });
    if (protectedHeader.typ !== TYPE) return refused("what is signed is no order");
    order = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(payload));
  } catch {
    return refused("the order is not what its site has signed");
  }
  if (!Value.Check(Order, order)) return refused("what is signed is no order");
  return judgeOrder(order, expected);
}

/** Pure: what of a signed order is not for this machine and this moment. */
export function judgeOrder(order: Order, { site, host, sequence, now }: Expected): OrderVerdict {
  if (order.host !== host) return refused(`the order is for ${order.host}, this is ${host}`);
  if (order.site !== site) return refused(`the order is of ${order.site}, this machine is of ${site}`);
  if (now !== undefined && now > order.notAfter) {
    const text = (time: number) => new Date(Math.min(time, 8.64e15)).toISOString();
    return refused(
      `expired: not to be begun after ${text(order.notAfter)}, and this machine's clock says ${text(now)}`,
    );
  }
  if (order.sequence <= sequence) {
    return refused(`the order's sequence is ${order.sequence}, and ${sequence} was carried out already`);
  }
  return { is: "valid", order };
}

function refused(reason: string): OrderVerdict {
  return { is: "refused", reason };
}
