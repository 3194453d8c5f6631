import { type Static, Type } from "typebox";
import { Witness } from "./uplink.ts";

/**
 * `GET /v1/sites/self` at the hub, with a site's token and the handshake's headers: how a site opens its link. The site
 * keeps the answer, so that it needs no hub at its next start.
 */
export const SiteSession = Type.Object({
  siteId: Type.String(),
  tenant: Type.Object({ id: Type.String(), name: Type.String() }),
  epoch: Type.String(),
  lineage: Type.Optional(Type.Array(Type.String(), { description: "the hub's lives, oldest first, this one last" })),
  protocol: Type.Integer(),
  capabilities: Type.Array(Type.String()),
});
export type SiteSession = Static<typeof SiteSession>;

/**
 * `POST /v1/sites/{siteId}/contact` at the hub, when a site has had nothing else to say for a while: it is still there. The
 * answer is that of an uplink which brought nothing; 409 as there.
 */
export const Contact = Type.Object({ witness: Type.Optional(Witness) });
export type Contact = Static<typeof Contact>;
export const ContactReply = Type.Object({
  epoch: Type.String(),
  position: Type.Integer(),
  protocol: Type.Optional(Type.Integer({ description: "the version that the hub speaks" })),
});
export type ContactReply = Static<typeof ContactReply>;

/**
 * How long a site says nothing at most; who says nothing for three times as long is silent, also when something between holds
 * its requests open. Milliseconds. Said more often, it would cost an idle link more than all the rest.
 */
export const CONTACT_EVERY = 450_000;
