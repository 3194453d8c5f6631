import { type FeedPosition, type Kind, type Resource, siteScope } from "@holdfast/protocol";
import { Fault } from "@holdfast/runtime";
import type { Author } from "../author.ts";
import type { Transaction } from "../store/contract.ts";
import { deletedState } from "./desired-state.ts";
import type { EditOutcome } from "./edit.ts";
import { erase, refuseReferred } from "./intent-writes.ts";
import type { Write } from "./write.ts";

/** A resource deleted at a site, by somebody who saw these stamps on it. */
export interface SiteDeletion extends Author {
  readonly kind: Kind;
  readonly tenant: string;
  readonly id: string;
  /** By field, the id of its stamp. */
  readonly saw: Readonly<Record<string, string>>;
  /** Id of the intent. */
  readonly write: string;
  readonly site: string;
}

/**
 * Deletes what was deleted at a site, if nobody else has written any of it since its author saw it (rule 1). What is gone
 * already is as was wanted. Throws for a deletion that no site could rightly send.
 */
export async function applyDelete(tx: Transaction, deletion: SiteDeletion, write: Write): Promise<EditOutcome> {
  const { kind, tenant, id, site } = deletion;
  if (!kind.atSites || deletedState(kind) !== undefined) {
    throw new Fault("PermissionDenied", `a ${kind.name} is not deleted at sites`);
  }
  const before = await tx.get(kind, tenant, id);
  if (!before) return { result: "applied", at: await headOf(tx, site), reason: `${kind.name} ${id} is gone` };
  const reason = reasonAgainst(deletion, before);
  if (reason !== undefined) return { result: "conflict", reason };
  await refuseReferred(tx, kind, before);
  return { result: "applied", at: await erase(tx, kind, before, write) };
}

function reasonAgainst({ saw, site }: SiteDeletion, { owner, stamps }: Resource): string | undefined {
  if (owner !== site) return "the site does not manage it";
  const fields = [...new Set([...Object.keys(stamps), ...Object.keys(saw)])];
  const changed = fields.filter((field) => stamps[field]?.id !== (Object.hasOwn(saw, field) ? saw[field] : undefined));
  return changed.length === 0 ? undefined : `somebody else has written ${changed.sort().join(", ")}`;
}

/** A site that has heard so much has heard that it is gone. */
async function headOf(tx: Transaction, site: string): Promise<FeedPosition> {
  const scope = siteScope(site);
  return { scope, seq: (await tx.feed(scope, Number.MAX_SAFE_INTEGER, 1)).head };
}
