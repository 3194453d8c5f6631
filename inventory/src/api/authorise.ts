import { Fault } from "@holdfast/runtime";
import type { FastifyRequest } from "fastify";
import { frozenTenant } from "../authority/tenants.ts";
import type { Store } from "../store/contract.ts";
import { type Principal, tenantFor } from "./principal.ts";
import { type Action, may, mayAnywhere } from "./roles.ts";

const WITHOUT: Readonly<Record<Action, string>> = {
  read: "this role may not read",
  write: "this role may read, not write",
  power: "this role may not switch machines",
  console: "this role may not open consoles",
  audit: "this role may not read the audit log",
  observe: "this role may not say what was observed",
};

/**
 * Throws unless the principal may do what the route of a request needs: NotFound when the project is not theirs to see, in the
 * words for one that does not exist, and PermissionDenied when they see it and may not do that. Throws FailedPrecondition for
 * what would change something in a project that is being deleted. A reader is looked up by the query that it makes anyway.
 */
export async function authorise(
  store: Pick<Store, "read">,
  request: FastifyRequest,
  principal: Principal,
): Promise<void> {
  const { needs: said, projectOf = projectInPath } = request.routeOptions.config;
  const needs = (typeof said === "function" ? said(request) : said) ?? usualNeeds(request);
  if (needs === "own") return;
  const project = projectOf(request);
  if (project !== undefined && (needs.length !== 1 || needs[0] !== "read")) {
    const tenant = await store.read((view) => tenantFor(view, principal, project));
    if (tenant.frozen !== undefined && changes(request)) throw frozenTenant(tenant);
    if (needs.some((action) => may(principal, action, tenant.id))) return;
  } else if (project !== undefined || needs.some((action) => mayAnywhere(principal, action))) return;
  throw new Fault("PermissionDenied", WITHOUT[needs[0] ?? "write"]);
}

function changes({ method }: Pick<FastifyRequest, "method">): boolean {
  return method !== "GET" && method !== "HEAD";
}

function usualNeeds(request: FastifyRequest): readonly Action[] {
  return changes(request) ? ["write"] : ["read"];
}

function projectInPath({ params }: FastifyRequest): string | undefined {
  return (params as { readonly projectName?: string } | undefined)?.projectName;
}
