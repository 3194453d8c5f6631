import { Fault } from "@holdfast/runtime";
import type { FastifyRequest } from "fastify";
import type { Tenant, View } from "../store/contract.ts";
import { type Action, type Grant, may, mayAtHub } from "./roles.ts";

/** Who makes a request, and what they may do. */
export interface Principal {
  /** As the change log shows it: `operator:alice`. */
  readonly actor: string;
  /** What they may do, and where. */
  readonly grants: readonly Grant[];
  /** Id of the token by which they were let in. */
  readonly token?: string;
}

declare module "fastify" {
  interface FastifyRequest {
    principal: Principal | undefined;
  }
  interface FastifyContextConfig {
    /** `own`: the route authenticates its callers itself; operators' credentials are not asked for. */
    auth?: "own";
    /**
     * How often it may be asked. `sites`, which is so where `auth` is `own` unless it is said: a thousand of them may be behind
     * one address. `people`: as often as anything that operators ask.
     */
    limit?: "people" | "sites";
    /**
     * What a caller must be allowed in the project, one of these; `own`: the route looks for itself. Unless it is said, to read
     * for GET and HEAD, to write for others.
     */
    needs?: readonly Action[] | "own" | ((request: FastifyRequest) => readonly Action[] | undefined);
    /** The name or UUID of the project that a request is about; the parameter `projectName` when absent. */
    projectOf?: (request: FastifyRequest) => string | undefined;
  }
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
  if (!tenant || !maySee(principal, tenant)) throw new Fault("NotFound", "project not found");
  return tenant;
}

/** Whether a tenant is there for a principal: one that is being deleted is so only for the hub's administrators. */
export function maySee(principal: Principal, { id, frozen }: Tenant): boolean {
  return frozen === undefined ? may(principal, "read", id) : mayAtHub(principal, "administer");
}
