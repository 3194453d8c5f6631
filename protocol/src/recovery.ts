import { createHash } from "node:crypto";
import { type Static, Type } from "typebox";

/**
 * Body of a 401 to a request with a site's token. `recovering`: the hub has lost its disk and knows no tokens; a site then
 * sends a claim, now and again until it is let in, for an operator must compare its fingerprint first.
 */
export const SiteRefusal = Type.Object({
  code: Type.String(),
  message: Type.String(),
  recovering: Type.Optional(Type.Boolean()),
});
export type SiteRefusal = Static<typeof SiteRefusal>;

/** Since this version of the protocol a site can tell a hub that has lost history what it holds. */
export const RECOVERY_SINCE = 2;

/** How many of the hub's lives a claim names, the newest. */
export const CLAIMED_LIVES = 100;

/**
 * `POST /v1/recovery/claims` at a hub that is recovering from its sites, with the site's token as bearer and the handshake's
 * headers: which site the caller says it is. It gives no rights until an operator accepts it.
 */
export const RecoveryClaim = Type.Object(
  {
    siteId: Type.String({ pattern: "^site-[0-9a-f]{8}$" }),
    siteName: Type.String({ maxLength: 200 }),
    tenant: Type.Object({
      id: Type.String({ pattern: "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$" }),
      name: Type.String({ minLength: 1, maxLength: 100 }),
    }),
    lineage: Type.Array(Type.String({ minLength: 1, maxLength: 64 }), {
      minItems: 1,
      maxItems: CLAIMED_LIVES,
      description: "the hub's lives that the site knows, oldest first",
    }),
    fingerprint: Type.String({ pattern: "^[0-9a-f]{4}(-[0-9a-f]{4}){4}$" }),
  },
  { additionalProperties: false },
);
export type RecoveryClaim = Static<typeof RecoveryClaim>;

/** `accepted`: the token is good now, the site goes on as it does in another life of the hub. */
export const RecoveryClaimReply = Type.Object({
  state: Type.Union([Type.Literal("waiting"), Type.Literal("accepted")]),
  fingerprint: Type.String({ description: "as the hub will show it to the operator" }),
});
export type RecoveryClaimReply = Static<typeof RecoveryClaimReply>;

/**
 * What a person compares at a site and at its hub to be sure that both mean the same token: 20 hex digits in groups of four,
 * `0a1b-2c3d-4e5f-6071-8293`. Nothing can be opened with it.
 */
export function siteFingerprint(token: string): string {
  const digits = createHash("sha256").update(`holdfast-site-fingerprint:${token}`).digest("hex").slice(0, 20);
  return (digits.match(/.{4}/g) ?? []).join("-");
}
