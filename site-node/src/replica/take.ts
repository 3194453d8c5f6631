import type { Transaction } from "@holdfast/inventory";
import { siteScope, tenantScope } from "@holdfast/protocol/feed";
import { readSetting, writeSetting } from "../database/settings.ts";
import { siteTables } from "../database/tables.ts";
import { applyBatch, type FeedBatch, seqOf } from "./apply.ts";
import type { ReplicaOf } from "./materialise.ts";
import { listening, readPhase, writePhase } from "./phase.ts";

/**
 * What became of an answer of the hub. Of one that is refused nothing is applied, and the scope is to be followed again from
 * the stored position: `recovering`, the hub has yet to hear what the site holds; `outdated`, it was asked for before the
 * site began to listen anew; `elsewhere`, it does not start where the site stands; `behind`, it would put the replica back.
 */
export type Taken =
  | { readonly is: "applied"; readonly credentials: boolean; readonly settled: boolean }
  | { readonly is: "refused"; readonly why: "recovering" | "outdated" | "elsewhere" | "behind" };

/** An answer, and under which number of `listening` it was asked for. */
export interface Asked {
  readonly batch: FeedBatch;
  readonly asked: number;
  readonly now: number;
}

/** Applies an answer of the hub if it may be (rules 7, 20), in the caller's transaction, and moves the phase on. */
export async function takeBatch(transaction: Transaction, of: ReplicaOf, answer: Asked): Promise<Taken> {
  const { batch, asked, now } = answer;
  const phase = await readPhase(transaction);
  if (phase.is === "recovering") return { is: "refused", why: "recovering" };
  if (asked !== (await listening(transaction))) return { is: "refused", why: "outdated" };
  const why = await refusalOf(transaction, batch);
  if (why) {
    if (why === "behind") await noteBehind(transaction, answer);
    return { is: "refused", why };
  }
  const { credentials } = await applyBatch(transaction, of, batch, now);
  await forgetBehind(transaction, batch.scope);
  return { is: "applied", credentials, settled: await noteReached(transaction, of, batch.scope) };
}

/** Within one life of the hub a scope's log only grows, so an answer that ends before the replica is of another time. */
async function refusalOf(
  transaction: Transaction,
  { scope, handle, position, snapshot }: FeedBatch,
): Promise<"elsewhere" | "behind" | undefined> {
  const [held] = await transaction.rows<{ handle: string; position: string; seq: number }>(
    "select handle, position, seq from replica_position where scope = ?",
    [scope],
  );
  if (!snapshot && (!held || held.position === "-1" || held.handle !== handle)) return "elsewhere";
  return held && seqOf(position) < held.seq ? "behind" : undefined;
}

async function noteBehind(transaction: Transaction, { batch, now }: Asked): Promise<void> {
  const { scope, position } = batch;
  const held = await siteTables(transaction)
    .selectFrom("replica_position")
    .select("seq")
    .where("scope", "=", scope)
    .executeTakeFirstOrThrow();
  await writeSetting(transaction, "behind", { scope, had: held.seq, came: seqOf(position), at: now });
}

async function forgetBehind(transaction: Transaction, scope: string): Promise<void> {
  const behind = await readSetting(transaction, "behind");
  if (behind?.scope === scope) await writeSetting(transaction, "behind", null);
}

/** Returns whether this was the last scope that the site waited for. */
async function noteReached(transaction: Transaction, { tenant, site }: ReplicaOf, scope: string): Promise<boolean> {
  const phase = await readPhase(transaction);
  if (phase.is !== "following" || phase.minimum === null) return false;
  const tables = siteTables(transaction);
  await tables.updateTable("replica_position").set({ reached: 1 }).where("scope", "=", scope).execute();
  const scopes = [tenantScope(tenant), siteScope(site)];
  const reached = await tables
    .selectFrom("replica_position")
    .select("scope")
    .where("scope", "in", scopes)
    .where("reached", "=", 1)
    .execute();
  if (reached.length < scopes.length) return false;
  await writePhase(transaction, { is: "settled" });
  return true;
}
