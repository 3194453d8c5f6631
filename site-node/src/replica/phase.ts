import type { Transaction, View } from "@holdfast/inventory";
import { readSetting, writeSetting } from "../database/settings.ts";
import { siteTables } from "../database/tables.ts";

/**
 * Where the site stands with this life of its hub (rules 7, 20). `recovering`: the hub may have lost what the site knows,
 * so the site says it all before it hears anything. `following`: it hears, and waits until all that it has heard is at least
 * as new as the hub was when it took that (or the first batch of a new incarnation) in; `minimum` is null until the hub has
 * said how far that is. `settled`: as ever.
 */
export type Phase =
  | { readonly is: "settled" }
  | { readonly is: "recovering"; readonly epoch: string }
  | { readonly is: "following"; readonly minimum: number | null };

export async function readPhase(view: View): Promise<Phase> {
  const phase = await readSetting(view, "phase");
  if (phase) return phase;
  // A home of a version that knew no phases has followed its hub all along; one that never heard it has yet to.
  return (await readSetting(view, "stream")) ? { is: "settled" } : { is: "following", minimum: null };
}

export async function writePhase(transaction: Transaction, phase: Phase): Promise<void> {
  await writeSetting(transaction, "phase", phase);
}

/**
 * Whether the site may act anew on what is wanted: run commands, switch power, begin installations. What it does already
 * goes on, and so does observing, whatever this says. Cut off in the middle of a recovery it may not, until the hub is
 * back: what it holds may be what the hub was restored to undo.
 */
export async function mayActuate(view: View): Promise<boolean> {
  return (await readPhase(view)).is === "settled";
}

/**
 * What is heard from now on must have been asked for from now on: an answer on its way may be of a time before. `fromTheStart`:
 * what the positions mean died with the life of the hub that gave them, so each scope is followed anew; what is there serves
 * until the new slice is whole.
 */
export async function listenAnew(
  transaction: Transaction,
  { fromTheStart }: { readonly fromTheStart: boolean },
): Promise<void> {
  await writeSetting(transaction, "listening", (await listening(transaction)) + 1);
  const forgotten = fromTheStart ? { position: "-1", seq: 0, receipt: null, receipt_seq: null } : {};
  await siteTables(transaction)
    .updateTable("replica_position")
    .set({ reached: 0, ...forgotten })
    .execute();
}

/** The same feed from its beginning: it may hold what a version before could not read. What is there serves on. */
export async function followAnew(transaction: Transaction): Promise<void> {
  await writeSetting(transaction, "listening", (await listening(transaction)) + 1);
  await siteTables(transaction).updateTable("replica_position").set({ position: "-1" }).execute();
}

/** How often the site has begun to listen anew; whoever asks the hub for its feed asks under this number. */
export async function listening(view: View): Promise<number> {
  return (await readSetting(view, "listening")) ?? 0;
}
