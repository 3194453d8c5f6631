import { type Static, Type } from "typebox";

/**
 * `GET /v1/sites/self` at the hub, with a site's token and the handshake's headers: how a site opens its link. The site
 * keeps the answer, so that it needs no hub at its next start.
 */
export const SiteSession = Type.Object({
  siteId: Type.String(),
  tenant: Type.Object({ id: Type.String(), name: Type.String() }),
  epoch: Type.String(),
  protocol: Type.Integer(),
  capabilities: Type.Array(Type.String()),
});
export type SiteSession = Static<typeof SiteSession>;
