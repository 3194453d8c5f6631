import type { Transaction } from "@holdfast/inventory";
import { kindNamed } from "@holdfast/protocol/kinds/kinds";
import type { EntryOutcome, StateEntry } from "@holdfast/protocol/uplink";
import { hours } from "@holdfast/runtime";
import { siteTables } from "../database/tables.ts";
import type { Outbox } from "./outbox.ts";
import type { SealedBatch } from "./seal.ts";

/** How soon the hub is asked again to take observations that it could not take, and how many of them at once. */
export const ASK_AGAIN_AFTER = hours(1);
const AT_ONCE = 100;
/** Of how many resources it is remembered that the hub could not take what is observed of them. */
const REMEMBERED = 1_000;

/** Remembers the observations in a batch that the hub could not take (rule 9), and forgets those that it now has taken. */
export async function noteStates(
  transaction: Transaction,
  { batch, outcomes, now }: { batch: SealedBatch; outcomes: readonly EntryOutcome[]; now: number },
): Promise<void> {
  const tables = siteTables(transaction);
  const refusals = new Map(
    outcomes.filter(({ result }) => result === "quarantined").map((outcome) => [outcome.seq, outcome.reason ?? ""]),
  );
  const known = await tables.selectFrom("refused_state").select(["kind", "id"]).execute();
  if (refusals.size === 0 && known.length === 0) return;
  const { entries } = JSON.parse(batch.body) as { entries: readonly { readonly type: string }[] };
  for (const [index, entry] of entries.entries()) {
    if (entry.type !== "state") continue;
    const { kind, id } = entry as StateEntry;
    const reason = refusals.get(batch.first + index);
    if (reason === undefined) {
      await forget(transaction, kind, id);
      continue;
    }
    await tables
      .insertInto("refused_state")
      .values({ kind, id, reason, since: now, asked_at: now })
      .onConflict((conflict) => conflict.columns(["kind", "id"]).doUpdateSet({ reason, asked_at: now }))
      .execute();
  }
  await forgetOldest(transaction);
}

/**
 * Has the hub asked again for what it refused an hour ago or longer, of machines that are still this site's. Returns how many
 * observations will be sent.
 */
export async function askAgain(
  transaction: Transaction,
  outbox: Outbox,
  { site, tenant, now }: { readonly site: string; readonly tenant: string; readonly now: number },
): Promise<number> {
  const tables = siteTables(transaction);
  const rows = await tables
    .selectFrom("refused_state")
    .select(["kind", "id"])
    // A clock that was set back must not keep anything from being asked for.
    .where((row) => row.or([row("asked_at", "<=", now - ASK_AGAIN_AFTER), row("asked_at", ">", now)]))
    .orderBy("asked_at")
    .limit(AT_ONCE)
    .execute();
  let asked = 0;
  for (const { kind: name, id } of rows) {
    const kind = kindNamed(name);
    const resource = kind && (await transaction.get(kind, tenant, id));
    if (resource?.owner !== site) {
      await forget(transaction, name, id);
      continue;
    }
    await outbox.touch(transaction, name, id);
    const again = tables.updateTable("refused_state").set({ asked_at: now });
    await again.where("kind", "=", name).where("id", "=", id).execute();
    asked += 1;
  }
  return asked;
}

async function forget(transaction: Transaction, kind: string, id: string): Promise<void> {
  await siteTables(transaction).deleteFrom("refused_state").where("kind", "=", kind).where("id", "=", id).execute();
}

/** What is not remembered any more is still asked for with its next change and in each new stream. */
async function forgetOldest(transaction: Transaction): Promise<void> {
  const tables = siteTables(transaction);
  const rows = await tables
    .selectFrom("refused_state")
    .select(["kind", "id"])
    .orderBy("since", "desc")
    .orderBy("id")
    .offset(REMEMBERED)
    .limit(-1)
    .execute();
  for (const { kind, id } of rows) await forget(transaction, kind, id);
}
