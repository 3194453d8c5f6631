import { missing, type Store, type View } from "@holdfast/inventory";
import { principalOf, tenantFor } from "@holdfast/inventory/api/principal";
import { Site } from "@holdfast/protocol";
import type { FastifyRequest } from "fastify";

/** The site that an operator's request names, once it is sure that the operator may see it. */
export interface AddressedSite {
  readonly tenant: string;
  readonly siteId: string;
}

/** The path below which everything of one site is. */
export const SITE_PATH = "/v1/projects/:projectName/sites/:siteId";

/** Runs a query about the site of a request, in one snapshot. Throws NotFound when there is none for this operator. */
export function readSite<T>(
  store: Pick<Store, "read">,
  request: FastifyRequest,
  query: (view: View, site: AddressedSite) => Promise<T>,
): Promise<T> {
  const { projectName, siteId } = request.params as { readonly projectName: string; readonly siteId: string };
  return store.read(async (view) => {
    const { id: tenant } = await tenantFor(view, principalOf(request), projectName);
    if (!(await view.get(Site, tenant, siteId))) throw missing(Site);
    return query(view, { tenant, siteId });
  });
}
