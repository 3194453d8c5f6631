import type { View } from "../store/contract.ts";
import { entryOf } from "./entry.ts";
import { loggedAfter } from "./rows.ts";

/** Where the log ends: the number of its last entry, and that one's hash, on which all before it depends. */
export interface AuditHead {
  readonly seq: number;
  readonly hash: string;
}

/** What became of looking through the whole log. */
export interface AuditVerdict {
  /** How many entries were found whole, from the first on. */
  readonly entries: number;
  /** The last of those; undefined of a log that is empty, or broken from its first entry on. */
  readonly head: AuditHead | undefined;
  /** The first entry that is not what it was, or does not follow the one before it. */
  readonly broken?: { readonly seq: number; readonly why: string };
}

const AT_ONCE = 2_000;

/**
 * Looks through the whole log, in one snapshot, whether every entry is what it was and follows the one before it, in the
 * hub and in its project. That its end was cut off cannot be seen in it: compare its head with one that was noted.
 */
export async function verifyLog(view: View): Promise<AuditVerdict> {
  const last = new Map<string, string>();
  let [entries, head]: [number, AuditHead | undefined] = [0, undefined];
  for (;;) {
    const page = await loggedAfter(view, head?.seq ?? 0, AT_ONCE);
    if (page.length === 0) return { entries, head };
    for (const { seq, tenant, hash, change } of page) {
      const links = { previous: last.get(tenant) ?? "", previousInHub: head?.hash ?? "" };
      const why = whyNot(() => entryOf(change(), links).hash === hash);
      if (why !== undefined) return { entries, head, broken: { seq, why } };
      last.set(tenant, hash);
      head = { seq, hash };
      entries += 1;
    }
  }
}

function whyNot(isWhole: () => boolean): string | undefined {
  try {
    return isWhole() ? undefined : "it is not what it was, or what came before it is missing or is another";
  } catch (error) {
    if (error instanceof SyntaxError) return "what was before or after is no JSON any more";
    if (error instanceof RangeError) return "its time is none";
    throw error;
  }
}

/** Where the log ends now; undefined when it is empty. */
export async function auditHead(view: View): Promise<AuditHead | undefined> {
  const [head] = await view.rows<AuditHead>("select seq, hash from change_log order by seq desc limit 1", []);
  return head;
}

/** Whether the log has an entry of this number and hash: then it holds all that it held when that was its head. */
export async function holdsHead(view: View, { seq, hash }: AuditHead): Promise<boolean> {
  const rows = await view.rows<{ hash: string }>("select hash from change_log where seq = ?", [seq]);
  return rows[0]?.hash === hash;
}
