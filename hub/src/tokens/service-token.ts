import type { Author, ManagedFieldsOf, Transaction } from "@holdfast/inventory";
import {
  type HubRole,
  isHubRole,
  isProjectRole,
  type ManagedFields,
  type ProjectRole,
  WHOLE,
} from "@holdfast/inventory/api/roles";
import { isKept, kindNamed } from "@holdfast/protocol";
import { type Clock, Fault } from "@holdfast/runtime";
import type { HubTables } from "../tables.ts";
import type { TokenRow } from "./tables.ts";

/** A token for a program, with roles of its own. */
export interface NewServiceToken {
  readonly name: string;
  /** `manager` alone, or any others. */
  readonly roles: readonly string[];
  /** The observed fields that a manager may write. */
  readonly fields?: ManagedFields;
  readonly tenants: "all" | readonly string[];
  readonly validSeconds?: number;
  readonly offlineSeconds?: number;
  readonly by: Author;
}

/** Every tenant. */
const ALL = "*";

/**
 * What is kept of what a token may do. Throws InvalidArgument for roles that no token has, and for fields that are not a
 * site's to observe.
 */
export function storedRights({ roles, fields }: NewServiceToken): Pick<TokenRow, "role" | "roles" | "fields"> {
  if (roles.includes("manager")) {
    if (roles.length > 1) throw new Fault("InvalidArgument", "roles: a manager has no other role");
    checkFields(fields ?? {});
    return { role: "manager", roles: null, fields: JSON.stringify(fields) };
  }
  if (fields !== undefined) throw new Fault("InvalidArgument", "fields: only a manager has some");
  if (roles.length === 0) throw new Fault("InvalidArgument", "roles: at least one is needed");
  const unknown = roles.find((role) => !isTokenRole(role));
  if (unknown !== undefined) throw new Fault("InvalidArgument", `roles: a token cannot have "${unknown}"`);
  return { role: roles.includes("im-rw") ? "write" : "read", roles: JSON.stringify([...new Set(roles)]), fields: null };
}

function isTokenRole(role: string): role is ProjectRole | HubRole {
  return isProjectRole(role) || isHubRole(role);
}

function checkFields(fields: ManagedFields): void {
  const named = Object.entries(fields).flatMap(([kind, names]) => names.map((name) => ({ kind, name })));
  if (named.length === 0)
    throw new Fault("InvalidArgument", "fields: a manager needs at least one, such as host.amtStatus");
  for (const { kind, name } of named) {
    const known = kindNamed(kind);
    if (name === WHOLE) {
      if (known && isKept(known)) continue;
      throw new Fault("InvalidArgument", `fields: ${kind} is no kind that a manager keeps`);
    }
    const field = known && Object.hasOwn(known.fields, name) ? known.fields[name] : undefined;
    if (!field) throw new Fault("InvalidArgument", `fields: there is no ${kind}.${name}`);
    if (field.owner !== "site" || field.component) {
      throw new Fault("InvalidArgument", `fields: ${kind}.${name} is none that a manager can observe`);
    }
  }
}

/** Gives a manager its fields, each of which is one's alone in a project. */
export async function grantFields(
  tx: Transaction,
  token: string,
  request: NewServiceToken,
  now: number,
): Promise<void> {
  const { fields = {}, tenants } = request;
  const places = tenants === "all" ? [ALL] : tenants;
  for (const [kind, names] of Object.entries(fields)) {
    for (const field of names) {
      for (const tenant of places) {
        await refuseTaken(tx, { kind, field, tenant, now });
        await tx.tables<HubTables>().insertInto("managed_field").values({ token, tenant, kind, field }).execute();
      }
    }
  }
}

/** Every field has one owner. */
async function refuseTaken(
  tx: Transaction,
  {
    kind,
    field,
    tenant,
    now,
  }: { readonly kind: string; readonly field: string; readonly tenant: string; readonly now: number },
): Promise<void> {
  const holders = standingFields(tx, kind, now).where("managed_field.field", "=", field);
  const found = await (tenant === ALL ? holders : holders.where("managed_field.tenant", "in", [tenant, ALL]))
    .select("token.name")
    .executeTakeFirst();
  if (found) throw new Fault("FailedPrecondition", `fields: ${kind}.${field} is managed by ${found.name} already`);
}

/** What managers have at this moment, as the authority asks for it with each report of a site. */
export function managedOf(clock: Pick<Clock, "now">): ManagedFieldsOf {
  return async (view, { kind, tenant }) => {
    const rows = await view.rows<{ readonly field: string; readonly name: string }>(
      `select managed_field.field, token.name from managed_field join token on token.id = managed_field.token
      where managed_field.kind = ? and managed_field.tenant in (?, ?)
      and token.revoked_at is null and (token.not_after is null or token.not_after > ?)`,
      [kind.name, tenant, ALL, clock.now()],
    );
    return new Map(rows.map(({ field, name }) => [field, name]));
  };
}

function standingFields(tx: Pick<Transaction, "tables">, kind: string, now: number) {
  return tx
    .tables<HubTables>()
    .selectFrom("managed_field")
    .innerJoin("token", "token.id", "managed_field.token")
    .where("managed_field.kind", "=", kind)
    .where("token.revoked_at", "is", null)
    .where((where) => where.or([where("token.not_after", "is", null), where("token.not_after", ">", now)]));
}
