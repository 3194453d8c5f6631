import { type AuditHead, audit, auditHead, holdsHead, type Store, type View } from "@holdfast/inventory";
import type { Clock, Log } from "@holdfast/runtime";
import { type HighWater, readHighWater } from "../disaster/high-water.ts";
import { epochOf } from "../epoch-of.ts";

/** What a note beside the database proves of the log. */
export type Noted =
  | { readonly is: "held" | "lost"; readonly head: AuditHead }
  /** There is none, or it is of another life of the hub: what that one lost, the log itself tells. */
  | { readonly is: "unknown" };

/** Whether the log still holds what the mark says that it held. The mark must have been read before the snapshot. */
export async function judgeNoted(view: View, mark: HighWater | undefined): Promise<Noted> {
  if (!mark?.audit || mark.epoch !== (await epochOf(view))) return { is: "unknown" };
  return { is: (await holdsHead(view, mark.audit)) ? "held" : "lost", head: mark.audit };
}

interface Parts {
  readonly home: string;
  readonly store: Pick<Store, "read" | "write">;
  readonly clock: Pick<Clock, "now">;
  readonly log: Log;
}

/**
 * Looks whether the end of the audit log was cut off or replaced while the hub did not run, and if so tells of it in the log
 * itself, before the mark that proves it is written again.
 */
export async function noticeCutLog({ home, store, clock, log }: Parts): Promise<void> {
  const mark = readHighWater(home);
  const noted = await store.read((view) => judgeNoted(view, mark));
  if (noted.is !== "lost") return;
  const { head: before } = noted;
  const after = (await store.read(auditHead)) ?? null;
  log.error({ noted: before, found: after }, "the audit log does not hold what it is known to have held");
  const about = { kind: "audit-log", id: "tail", operation: "conflict" as const };
  await store.write((tx) =>
    audit(tx, { by: { actor: "hub" }, at: clock.now(), ...about, before: { ...before }, after: after && { ...after } }),
  );
}
