import { type Grant, type Ids, isProjectRole, type ProjectRole, tokenGrants } from "@holdfast/inventory/api/roles";
import type { TokenRow } from "./tables.ts";

/** What an operator's or a manager's token lets its holder do in some projects. */
export function grantsOfToken(
  { role, roles, fields }: Pick<TokenRow, "role" | "roles" | "fields">,
  projects: Ids,
): readonly Grant[] {
  if (role === "site") return [];
  if (role === "manager") return [{ role, projects, fields: JSON.parse(fields ?? "{}") }];
  return tokenGrants({ role, roles: roles === null ? undefined : JSON.parse(roles) }, projects);
}

/** Those of a token's roles that are about projects: what a site may know of it. */
export function projectRolesIn(roles: string): ProjectRole[] {
  return (JSON.parse(roles) as string[]).filter(isProjectRole);
}
