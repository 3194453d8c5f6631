import { createHmac, timingSafeEqual } from "node:crypto";
import { type Static, Type } from "typebox";

/** `POST /v1/enroll` at a site-node: a machine asks to be admitted, with a one-time token as its proof. */
export const EnrolRequest = Type.Object(
  {
    token: Type.String({ minLength: 16, maxLength: 128 }),
    // A creation id of the machine's own making: an enrolment asked again after a lost answer admits no second host.
    machine: Type.String({ minLength: 16, maxLength: 64, pattern: "^[0-9a-f-]+$" }),
    serialNumber: Type.Optional(Type.String({ maxLength: 64 })),
    uuid: Type.Optional(Type.String({ pattern: "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$" })),
    uuidDerived: Type.Optional(Type.Boolean()),
    hostname: Type.Optional(Type.String({ maxLength: 253 })),
    agent: Type.String({ maxLength: 64 }),
    protocol: Type.Integer({ minimum: 1 }),
    capabilities: Type.Array(Type.String({ maxLength: 64 }), { maxItems: 64 }),
  },
  { additionalProperties: false },
);
export type EnrolRequest = Static<typeof EnrolRequest>;

/** Where the site's broker answers, on the host that its API answers on. */
const Mqtt = Type.Object({ port: Type.Integer({ minimum: 1, maximum: 65_535 }) });

/** `GET /v1/health` at a site-node: a machine whose broker is not where it was, or whose site is another, finds it here. */
export const SiteHealth = Type.Object({
  status: Type.Literal("active"),
  siteId: Type.Optional(Type.String()),
  mqtt: Mqtt,
});
export type SiteHealth = Static<typeof SiteHealth>;

/** The secret is shown once; the site keeps only its hash. */
export const EnrolReply = Type.Object({
  hostId: Type.String(),
  siteId: Type.String(),
  secret: Type.String(),
  mqtt: Mqtt,
  protocol: Type.Integer(),
  capabilities: Type.Array(Type.String()),
});
export type EnrolReply = Static<typeof EnrolReply>;

const Digest = Type.String({ pattern: "^[0-9a-f]{64}$" });

/**
 * `POST /v1/arrivals` at a site-node: a machine that another site has admitted is here now. It proves that it has the secret
 * of that host, to this site alone and without showing it; a site that does not manage the host cannot check that, and
 * gives the proof on to the hub, which can.
 */
export const ArrivalRequest = Type.Object(
  {
    hostId: Type.String({ pattern: "^host-[0-9a-f]{8}$" }),
    proof: Digest,
    nonce: Type.String({ pattern: "^[0-9a-f]{32}$", description: "random, of this request: the welcome answers it" }),
    machine: Type.String({ minLength: 16, maxLength: 64, pattern: "^[0-9a-f-]+$" }),
    serialNumber: Type.Optional(Type.String({ maxLength: 64 })),
    uuid: Type.Optional(Type.String({ maxLength: 36 })),
  },
  { additionalProperties: false },
);
export type ArrivalRequest = Static<typeof ArrivalRequest>;

/**
 * `misplaced`: ask again later, an operator must say that the host belongs here. `welcome`: connect, as a host of this site,
 * which proves in its turn that it knows the machine: it is shown the secret next.
 */
export const ArrivalReply = Type.Object({
  state: Type.Union([Type.Literal("misplaced"), Type.Literal("welcome")]),
  siteId: Type.String(),
  mqtt: Mqtt,
  proof: Type.Optional(Digest),
});
export type ArrivalReply = Static<typeof ArrivalReply>;

interface Meeting {
  readonly hostId: string;
  readonly siteId: string;
}

/** Shown to a site by who has the secret with this hash (SHA-256, hex): worth nothing at any other site. Hex. */
export function arrivalProof(hash: string, { hostId, siteId }: Meeting): string {
  return proofOf(hash, ["arrival", hostId, siteId]);
}

/** Shown to a machine by a site that knows it by this hash: worth nothing to another request, or at another port. Hex. */
export function welcomeProof(hash: string, welcome: Meeting & { nonce: string; port: number }): string {
  const { hostId, siteId, nonce, port } = welcome;
  return proofOf(hash, ["welcome", hostId, siteId, nonce, port]);
}

/** Shown to a machine by a site that knows it by this hash, with the key by which the site signs its orders. Hex. */
export function orderKeyProof(hash: string, said: Meeting & { nonce: string; keyId: string }): string {
  const { hostId, siteId, nonce, keyId } = said;
  return proofOf(hash, ["order-key", hostId, siteId, nonce, keyId]);
}

function proofOf(hash: string, said: readonly unknown[]): string {
  return createHmac("sha256", hash).update(JSON.stringify(said)).digest("hex");
}

/** Whether two proofs are the same, in time that does not depend on where they differ. */
export function isProof(given: string, expected: string): boolean {
  const [one, other] = [Buffer.from(given), Buffer.from(expected)];
  return one.length === other.length && timingSafeEqual(one, other);
}
