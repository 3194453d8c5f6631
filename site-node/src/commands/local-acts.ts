import type { Transaction, View } from "@holdfast/inventory";
import { Host } from "@holdfast/protocol/kinds/host";
import type { UplinkEntry } from "@holdfast/protocol/uplink";
import { sql } from "kysely";
import { siteTables } from "../database/tables.ts";
import type { LocalIntent } from "../intents/entry.ts";

/** What of an operator's words does something to the machine itself. A machine that says who it is does not. */
const ACTS: readonly string[] = ["desiredPowerState", "desiredState"];

/** A command that was given at this site has been begun: the hub does not know of it yet. */
export async function noteActBegun(transaction: Transaction, host: string, act: string): Promise<void> {
  await siteTables(transaction)
    .insertInto("local_act")
    .values({ host, act, seq: null })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

/** The hub has taken an intent of this site in, at this position of its feed. */
export async function noteIntentKnown(
  transaction: Transaction,
  { id, kind, resource, field, actor }: Pick<LocalIntent, "id" | "kind" | "resource" | "field" | "actor">,
  seq: number | undefined,
): Promise<void> {
  const isAct = kind === Host.name && field !== null && ACTS.includes(field) && !actor.startsWith("host:");
  if (isAct && seq !== undefined) await noteKnown(transaction, { host: resource, act: id, seq });
}

/** The hub has taken a batch in, and its feed had got as far as `position` then: it knows of the commands given here. */
export async function noteBatchKnown(transaction: Transaction, batch: string, position: number): Promise<void> {
  if (!batch.includes('"type":"command"')) return;
  const { entries } = JSON.parse(batch) as { entries: readonly UplinkEntry[] };
  for (const entry of entries) {
    if (entry.type !== "command") continue;
    const { hostId: host, id: act } = entry;
    const begun = await siteTables(transaction)
      .selectFrom("local_act")
      .select("act")
      .where("host", "=", host)
      .where("act", "=", act)
      .where("seq", "is", null)
      .executeTakeFirst();
    if (begun) await noteKnown(transaction, { host, act, seq: position });
  }
}

/** Of what the hub knows only the latest counts. */
async function noteKnown(transaction: Transaction, act: { host: string; act: string; seq: number }): Promise<void> {
  const tables = siteTables(transaction);
  await tables
    .insertInto("local_act")
    .values(act)
    .onConflict((conflict) => conflict.columns(["host", "act"]).doUpdateSet({ seq: act.seq }))
    .execute();
  const { latest } = await tables
    .selectFrom("local_act")
    .select(({ fn }) => fn.max("seq").as("latest"))
    .where("host", "=", act.host)
    .executeTakeFirstOrThrow();
  await tables.deleteFrom("local_act").where("host", "=", act.host).where("seq", "<", latest).execute();
}

/** What was done to hosts that are not here any more, as far as the hub knows it: a host that comes back has newer rows. */
export async function forgetActsOnGone(transaction: Transaction): Promise<void> {
  await sql`delete from local_act where seq is not null
    and not exists (select 1 from host where host.resource_id = local_act.host)`.execute(siteTables(transaction));
}

/**
 * Whether a command of the hub, the row `seq` of its feed, was given without knowing the latest thing that was done to the
 * host at this site (rule 17).
 */
export async function isCrossed(view: View, host: string, seq: number): Promise<boolean> {
  const tables = siteTables(view);
  const act = await tables
    .selectFrom("local_act")
    .select("act")
    .where("host", "=", host)
    // A row at the very position was in the feed already when the hub took the act in.
    .where((row) => row.or([row("seq", "is", null), row("seq", ">=", seq)]))
    .limit(1)
    .executeTakeFirst();
  if (act) return true;
  const intent = await tables
    .selectFrom("local_intent")
    .select("id")
    .where("kind", "=", Host.name)
    .where("resource", "=", host)
    .where("field", "in", ACTS)
    .where("actor", "not like", "host:%")
    .where("outcome", "is", null)
    .limit(1)
    .executeTakeFirst();
  return intent !== undefined;
}
