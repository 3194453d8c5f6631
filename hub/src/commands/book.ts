import type { Transaction, View } from "@holdfast/inventory";
import type { Command } from "@holdfast/inventory/api/commands";
import { COMMANDS, type CommandName, ROW, siteScope } from "@holdfast/protocol";
import type { HubTables } from "../tables.ts";
import type { CommandRow } from "./tables.ts";

/** A command by its id, whoever it was given to. */
export function commandById(view: View, id: string): Promise<CommandRow | undefined> {
  return view.tables<HubTables>().selectFrom("command").selectAll().where("id", "=", id).executeTakeFirst();
}

/** How a command has ended, or that it has begun. */
export interface Progress {
  readonly status: CommandRow["status"];
  readonly reason?: string | undefined;
  readonly by: "hub" | "site";
  readonly now: number;
}

/** Writes how far a command has got. When it has ended it leaves its site's feed. */
export async function advance(tx: Transaction, row: CommandRow, { status, reason, by, now }: Progress): Promise<void> {
  const ended_by = status === "started" ? null : by;
  await tx
    .tables<HubTables>()
    .updateTable("command")
    .set({ status, reason: reason ?? null, ended_by, updated_at: now })
    .where("id", "=", row.id)
    .execute();
  if (ended_by === null || row.ended_by !== null || row.seq === null) return;
  await tx.appendFeed(siteScope(row.site), ROW.command, row.id, null);
}

/** Ends, by the hub's own word, all of these. Returns how many. */
export async function endAll(
  tx: Transaction,
  rows: readonly CommandRow[],
  ending: Omit<Progress, "by">,
): Promise<number> {
  for (const row of rows) await advance(tx, row, { ...ending, by: "hub" });
  return rows.length;
}

/** Commands as operators see them: one that waits for the release of its site's hold says so (rule 21). */
export async function shownOf(view: View, rows: readonly CommandRow[]): Promise<Command[]> {
  const waiting = rows.filter(({ status, command }) => status === "pending" && isDisruptive(command));
  const held = await heldSites(view, [...new Set(waiting.map(({ site }) => site))]);
  return rows.map((row) => {
    const { id, host: hostId, command, status, reason, actor, issued_at, not_after, updated_at } = row;
    const isHeld = held.has(row.site) && waiting.includes(row);
    return {
      ...{ id, hostId, command: command as CommandName, status: isHeld ? "held" : status, actor },
      ...{ issuedAt: issued_at, notAfter: not_after, updatedAt: updated_at },
      ...(reason === null ? {} : { reason }),
      ...(isHeld ? { reason: "held until an operator releases the site's hold" } : {}),
    };
  });
}

function isDisruptive(command: string): boolean {
  return Object.hasOwn(COMMANDS, command) && COMMANDS[command as CommandName].disruptive;
}

async function heldSites(view: View, sites: readonly string[]): Promise<ReadonlySet<string>> {
  if (sites.length === 0) return new Set();
  const rows = await view
    .tables<HubTables>()
    .selectFrom("hub_hold")
    .select("site")
    .where("site", "in", sites)
    .execute();
  return new Set(rows.map(({ site }) => site));
}
