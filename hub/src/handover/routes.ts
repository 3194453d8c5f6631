import { FieldFault, type Store } from "@holdfast/inventory";
import { authorFrom } from "@holdfast/inventory/api/asking";
import { principalOf, tenantFor } from "@holdfast/inventory/api/principal";
import { isHostId, isSiteId } from "@holdfast/protocol";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { Type } from "typebox";
import { checkedBody } from "../checked-body.ts";
import { documented } from "../documented.ts";
import { SITE_PATH } from "../operator-site.ts";
import type { Handover } from "./handover.ts";

const HOST_PATH = "/v1/projects/:projectName/compute/hosts/:resourceId";

const SiteIdText = Type.String({ maxLength: 13, pattern: "^site-[0-9a-f]{8}$" });
const RehomeRequest = Type.Object({ siteId: SiteIdText }, { additionalProperties: false });
const RetireRequest = Type.Object({ moveHostsTo: Type.Optional(SiteIdText) }, { additionalProperties: false });
const Done = Type.Object({}, { additionalProperties: false });
const Retired = Type.Object({ moved: Type.Integer(), deleted: Type.Integer() }, { additionalProperties: false });

const of = (operationId: string, summary: string) => ({ tag: "Sites" as const, operationId, summary });
const REHOME = documented({
  ...of("RehomeHost", "Give a host to the site at which its machine is, at once; nothing is installed anew"),
  body: RehomeRequest,
  answer: Done,
});
const RELEASE = documented({
  ...of("ForceReleaseHost", "Carry out a move or deletion that the site which manages the host cannot carry out"),
  answer: Done,
});
const ERASE = documented({
  ...of("ForceDeleteHost", "Remove a host and its instances at once, without the word of its site"),
  answer: Done,
});
const RETIRE = documented({
  ...of("RetireSite", "End a site: its tokens open nothing, its hosts go to another site or to nobody, and it is gone"),
  body: RetireRequest,
  answer: Retired,
});

/** What operators do when a site is gone or a machine is elsewhere. */
export function handoverRoutes(app: FastifyInstance, { store, handover }: { store: Store; handover: Handover }): void {
  /** The resource that a request names, of a project that its principal may see. */
  async function addressed(request: FastifyRequest, id: string) {
    const principal = principalOf(request);
    const { projectName } = request.params as { readonly projectName: string };
    const { id: tenant } = await store.read((view) => tenantFor(view, principal, projectName));
    return { ...authorFrom(request), tenant, id };
  }
  const host = (request: FastifyRequest) => {
    const { resourceId } = request.params as { readonly resourceId: string };
    if (!isHostId(resourceId))
      throw new FieldFault("InvalidArgument", ["resourceId"], "resourceId: is no id of a host");
    return addressed(request, resourceId);
  };

  app.post(`${HOST_PATH}/rehome`, { schema: REHOME }, async (request) => {
    const { siteId: to } = checkedBody(RehomeRequest, request.body);
    await handover.rehome({ ...(await host(request)), to });
    return {};
  });
  app.post(`${HOST_PATH}/force-release`, { schema: RELEASE }, async (request) => {
    await handover.release(await host(request));
    return {};
  });
  app.delete(`${HOST_PATH}/force`, { schema: ERASE }, async (request) => {
    await handover.erase(await host(request));
    return {};
  });
  app.post(`${SITE_PATH}/retire`, { schema: RETIRE }, async (request) => {
    const { siteId } = request.params as { readonly siteId: string };
    if (!isSiteId(siteId)) throw new FieldFault("InvalidArgument", ["siteId"], "siteId: is no id of a site");
    const { moveHostsTo } = checkedBody(RetireRequest, request.body);
    return handover.retire({ ...(await addressed(request, siteId)), ...(moveHostsTo ? { moveHostsTo } : {}) });
  });
}
