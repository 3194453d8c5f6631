import { Fault } from "@holdfast/runtime";
import type { FastifyRequest } from "fastify";
import type { Tenant, View } from "../store/contract.ts";

/** Who makes a request, and what they may do. */
export interface Principal {
  /** As the change log shows it: `operator:alice`. */
  readonly actor: string;
  readonly role: "read" | "write";
  /** Id of the token by which they were let in. */
  readonly token?: string;
  /** Ids of the tenants whose resources they may see. */
  readonly tenants: "all" | readonly string[];
}

declare module "fastify" {
  interface FastifyRequest {
    principal: Principal | undefined;
  }
  interface FastifyContextConfig {
    /** `own`: the route authenticates its callers itself; operators' credentials are not asked for. */
    auth?: "own";
  }
}

/** Throws PermissionDenied when a request would change something and its principal may only read. */
export function refuseReaders(request: FastifyRequest, { role }: Principal): void {
  if (request.method === "GET" || request.method === "HEAD" || role === "write") return;
  throw new Fault("PermissionDenied", "this role may read, not write");
}

/** The principal of a request that was authenticated; throws Unauthenticated otherwise. */
export function principalOf(request: FastifyRequest): Principal {
  if (!request.principal) throw new Fault("Unauthenticated", "authentication is needed");
  return request.principal;
}

/**
 * The tenant that a project's name or UUID stands for. Throws NotFound, in the same words, both when there is none and
 * when the principal may not see it: nobody learns which projects others have.
 */
export async function tenantFor(view: View, principal: Principal, project: string): Promise<Tenant> {
  const tenant = await view.tenant(project);
  const visible = tenant && (principal.tenants === "all" || principal.tenants.includes(tenant.id));
  if (!visible) throw new Fault("NotFound", "project not found");
  return tenant;
}
