import { type FeedPosition, Host, type Kind, type Resource } from "@holdfast/protocol";
import { Fault } from "@holdfast/runtime";
import type { Author } from "../author.ts";
import type { Transaction } from "../store/contract.ts";
import { deletedState, isBeingDeleted } from "./desired-state.ts";
import { positionOf } from "./feed-rows.ts";
import { followedBy } from "./following.ts";
import { normalise } from "./intent-rules.ts";
import { changeOf, setFields } from "./intent-writes.ts";
import { validateFields } from "./validate.ts";
import type { Write } from "./write.ts";

/** One intent field changed at a site, by somebody who saw the stamp `base` on it; `""` when it was never written. */
export interface Edit extends Author {
  readonly kind: Kind;
  readonly tenant: string;
  readonly id: string;
  readonly field: string;
  readonly value: unknown;
  readonly base: string;
  /** Id of the intent, which its stamp will carry. */
  readonly write: string;
  readonly site: string;
}

export interface EditOutcome {
  readonly result: "applied" | "conflict";
  /** Where the feed shows the outcome. */
  readonly at?: FeedPosition;
  readonly reason?: string;
  /** Of a conflict: which write stands, and what it set; absent when the resource is gone. */
  readonly standing?: { readonly write: string; readonly value: unknown };
}

/**
 * Applies a site's edit if nobody else has written the field since its author saw it. What the rules between fields and
 * resources forbid is a conflict as well: an operator must choose. Throws for an edit that no site could rightly send.
 */
export async function applyEdit(tx: Transaction, edit: Edit, write: Write): Promise<EditOutcome> {
  const { kind, field } = edit;
  if (!kind.atSites) {
    throw new Fault("PermissionDenied", `a ${kind.name} is edited at the hub`);
  }
  validateFields(kind, { [field]: edit.value }, { who: "operator", on: "update" });
  const before = await tx.get(kind, edit.tenant, edit.id);
  if (!before) return setAside(tx, edit, { before, write, reason: `${kind.name} ${edit.id} is gone` });
  if (before.stamps[field]?.id === edit.write || (await hasApplied(tx, edit))) {
    return { result: "applied", ...(await shown(tx, kind, before)) };
  }
  const reason = reasonAgainst(edit, before) ?? (await reasonAgainstFollowing(tx, edit, before));
  if (reason !== undefined) return setAside(tx, edit, { before, write, reason });
  const value = normalise(kind, { [field]: edit.value })[field] ?? kind.fields[field]?.initial;
  try {
    const { at } = await tx.savepoint(() => setFields(tx, kind, before, { fields: { [field]: value }, write }));
    return { result: "applied", at };
  } catch (error) {
    if (!isRefusal(error)) throw error;
    return setAside(tx, edit, { before, write, reason: error.message });
  }
}

/** Whether the edit has been applied before, be it that the hub then forgot it and took it back from a row (rule 20). */
async function hasApplied(tx: Transaction, { tenant, kind, id, write }: Edit): Promise<boolean> {
  const row = await tx
    .tables<ChangeLog>()
    .selectFrom("change_log")
    .select("seq")
    .where("tenant_id", "=", tenant)
    .where("write", "=", write)
    .where("kind", "=", kind.name)
    .where("resource_id", "=", id)
    .where("operation", "!=", "conflict")
    .executeTakeFirst();
  return row !== undefined;
}

interface ChangeLog {
  readonly change_log: {
    readonly seq: number;
    readonly tenant_id: string;
    readonly kind: string;
    readonly resource_id: string;
    readonly operation: string;
    readonly write: string | null;
  };
}

/** Keeps in the history what did not apply, so that it is known when it comes again, and says what stands in its place. */
async function setAside(
  tx: Transaction,
  { kind, tenant, id, field, value }: Edit,
  { before, write, reason }: { before: Resource | undefined; write: Write; reason: string },
): Promise<EditOutcome> {
  const stands = (before?.fields as Record<string, unknown> | undefined)?.[field] ?? null;
  const change = { before: before ? { [field]: stands } : null, after: { [field]: value ?? null } };
  const subject = { tenant, resourceId: id };
  if (!(await tx.knowsWrite(tenant, write.id))) {
    await tx.appendChange(changeOf(kind, subject, write, { operation: "conflict", ...change }));
  }
  if (!before) return { result: "conflict", reason };
  const standing = { write: before.stamps[field]?.id ?? "", value: stands };
  return { result: "conflict", reason, standing, ...(await shown(tx, kind, before)) };
}

/** Why a site's edit does not apply to a resource as it is; undefined when it does. */
function reasonAgainst({ kind, field, value, base, site }: Edit, before: Resource): string | undefined {
  const claims = kind.name === Host.name && before.owner === undefined && field === "siteId" && value === site;
  if (before.owner !== site && !claims) return "the site does not manage it";
  if (isBeingDeleted(kind, before.fields)) return "it is being deleted";
  if ((before.stamps[field]?.id ?? "") !== base) return "somebody else has written the field";
  if (kind.name !== Host.name || claims) return undefined;
  if (field === "siteId") return "hosts are moved at the hub";
  if (field === "desiredState" && value === deletedState(kind)) return "hosts are deleted at the hub";
  return undefined;
}

/** What follows a machine of the site goes on to follow one of the site. */
async function reasonAgainstFollowing(tx: Transaction, { kind, field, value, site }: Edit, before: Resource) {
  if (field !== kind.follows) return undefined;
  const followed = await followedBy(tx, kind, { tenant: before.tenant, fields: { [field]: value } });
  return followed?.resource.owner === site ? undefined : "the site does not manage what it would be about";
}

function isRefusal(error: unknown): error is Fault {
  return error instanceof Fault && (error.code === "FailedPrecondition" || error.code === "InvalidArgument");
}

async function shown(tx: Transaction, kind: Kind, resource: Resource): Promise<{ at?: FeedPosition }> {
  const at = await positionOf(tx, kind, resource);
  return at ? { at } : {};
}
