import type { Transaction, View } from "@holdfast/inventory";
import type { CommandName } from "@holdfast/protocol/feed";
import type { CommandEntry } from "@holdfast/protocol/uplink";
import { hours } from "@holdfast/runtime";
import type { Selectable } from "kysely";
import { readSetting } from "../database/settings.ts";
import { type SiteTables, siteTables } from "../database/tables.ts";
import { fromIn } from "../intents/asked-from.ts";
import type { Outbox } from "../outbox/outbox.ts";
import { commandRows } from "../replica/in-place.ts";
import { forgetActsOnGone } from "./local-acts.ts";

/** How long after its time an id is kept, so that a row that comes again is known (rule 17). */
const KEPT_AFTER = hours(7 * 24);

export type JournalRow = Selectable<SiteTables["command_journal"]>;

/** A command that has not begun: of the hub, by its row in the feed, or given here. */
export interface OpenCommand {
  readonly id: string;
  readonly host: string;
  readonly command: CommandName;
  readonly actor: string;
  readonly issuedAt: number;
  readonly notAfter: number;
  readonly incarnation: number;
  /** Of its row in the hub's feed; undefined when it was given at this site. */
  readonly seq: number | undefined;
}

/** Commands that have not begun, those of the hub first, in the order in which they were given. */
export async function openCommands(view: View): Promise<readonly OpenCommand[]> {
  const rows = await commandRows(view);
  const journalled = await journalOf(
    view,
    rows.map(({ id }) => id),
  );
  const given = await siteTables(view)
    .selectFrom("command_journal")
    .selectAll()
    .where("status", "=", "pending")
    .orderBy("issued_at")
    .orderBy("id")
    .execute();
  return [
    ...rows
      .filter(({ id }) => !journalled.has(id))
      .map(({ id, seq, body }) => ({ id, seq, host: body.hostId, ...body })),
    ...given.map((row) => ({
      ...{ id: row.id, host: row.host, command: row.command as CommandName, actor: row.actor, seq: undefined },
      ...{ issuedAt: row.issued_at, notAfter: row.not_after, incarnation: row.incarnation },
    })),
  ];
}

/** Whether the feed shows a command, or one that was given here has not begun. */
export async function isAnythingKnown(view: View): Promise<boolean> {
  if ((await commandRows(view)).length > 0) return true;
  const given = await siteTables(view)
    .selectFrom("command_journal")
    .select("id")
    .where("status", "=", "pending")
    .limit(1)
    .executeTakeFirst();
  return given !== undefined;
}

async function journalOf(view: View, ids: readonly string[]): Promise<ReadonlyMap<string, JournalRow>> {
  if (ids.length === 0) return new Map();
  const rows = await siteTables(view).selectFrom("command_journal").selectAll().where("id", "in", ids).execute();
  return new Map(rows.map((row) => [row.id, row]));
}

/** Writes how far a command has got, with what the hub must hear of it. */
export async function noteStatus(
  transaction: Transaction,
  outbox: Outbox,
  { command, status, reason, at }: StatusChange,
): Promise<void> {
  const { id, host, command: name, actor, issuedAt, notAfter, incarnation, seq } = command;
  const told = await toldEpoch(transaction);
  const said = { status, reason: reason?.slice(0, 1_024) ?? null, updated_at: at, told_epoch: told };
  const given = { issued_at: issuedAt, not_after: notAfter, given_here: seq === undefined ? 1 : 0, incarnation };
  const row = await siteTables(transaction)
    .insertInto("command_journal")
    .values({ id, host, command: name, actor, token: null, ...given, ...said })
    .onConflict((conflict) => conflict.column("id").doUpdateSet(said))
    .returningAll()
    .executeTakeFirstOrThrow();
  await outbox.add(transaction, entryOf(row));
}

export interface StatusChange {
  readonly command: OpenCommand;
  readonly status: CommandEntry["status"];
  readonly reason: string | undefined;
  readonly at: number;
}

/** What was begun and has no end was cut off by a stop of this site-node: nobody knows whether it was done (rule 17). */
export async function endCutOff(transaction: Transaction, outbox: Outbox, at: number): Promise<readonly JournalRow[]> {
  const reason = "the site-node stopped while it was being carried out";
  const rows = await siteTables(transaction)
    .updateTable("command_journal")
    .set({ status: "unknown", reason, updated_at: at, told_epoch: await toldEpoch(transaction) })
    .where("status", "=", "started")
    .returningAll()
    .execute();
  for (const row of rows) await outbox.add(transaction, entryOf(row));
  return rows;
}

/** A hub that was restored shows commands again that have ended here: it is told once more what became of them. */
export async function tellAgain(transaction: Transaction, outbox: Outbox): Promise<void> {
  const epoch = await toldEpoch(transaction);
  const rows = await journalOf(
    transaction,
    (await commandRows(transaction)).map(({ id }) => id),
  );
  for (const row of rows.values()) {
    if (row.told_epoch === epoch) continue;
    await siteTables(transaction)
      .updateTable("command_journal")
      .set({ told_epoch: epoch })
      .where("id", "=", row.id)
      .execute();
    await outbox.add(transaction, entryOf(row));
  }
}

/** Forgets ids whose time has long passed and that the feed shows no more, and what was done to hosts that are gone. */
export async function forgetOld(transaction: Transaction, now: number): Promise<void> {
  const shown = (await commandRows(transaction)).map(({ id }) => id);
  await siteTables(transaction)
    .deleteFrom("command_journal")
    .where("not_after", "<", now - KEPT_AFTER)
    .where("status", "not in", ["pending", "started"])
    .where("id", "not in", shown.length > 0 ? shown : [""])
    .execute();
  await forgetActsOnGone(transaction);
}

async function toldEpoch(view: View): Promise<string | null> {
  return (await readSetting(view, "stream"))?.epoch ?? null;
}

function entryOf(row: JournalRow): CommandEntry {
  const { id, host: hostId, status, reason, updated_at: at, actor, token, command } = row;
  const given = { command, actor, issuedAt: row.issued_at, notAfter: row.not_after };
  const by = { ...(token === null ? {} : { token }), ...fromIn(row.asked_from) };
  return {
    type: "command",
    ...{ id, hostId, status: status as CommandEntry["status"], at },
    ...(reason === null ? {} : { reason }),
    ...(row.given_here === 0 ? {} : { given: { ...given, ...by } }),
  };
}
