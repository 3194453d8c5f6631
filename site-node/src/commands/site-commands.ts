import { randomBytes } from "node:crypto";
import type { Transaction, View } from "@holdfast/inventory";
import type { Command, Commands, NewCommand } from "@holdfast/inventory/api/commands";
import type { CommandName } from "@holdfast/protocol/feed";
import { Host } from "@holdfast/protocol/kinds/host";
import { Fault } from "@holdfast/runtime";
import { readSetting } from "../database/settings.ts";
import { siteTables } from "../database/tables.ts";
import { askedFrom } from "../intents/asked-from.ts";
import type { ReplicaOf } from "../replica/materialise.ts";
import { type JournalRow, openCommands } from "./journal.ts";
import { type CommandRunner, type CommandsOptions, judge, whyUnmanaged } from "./runner.ts";

export type SiteCommandsOptions = Pick<
  CommandsOptions,
  "store" | "replicaOf" | "clock" | "flooredNow" | "isReachable"
> & {
  readonly site: string;
  /** What carries commands out; told of each new one. */
  readonly runner: Pick<CommandRunner, "wake">;
};

/** Commands as operators give and see them at the site: the hub's and those that were given here. */
export function createSiteCommands(options: SiteCommandsOptions): Commands {
  const { site, store, replicaOf, clock, flooredNow, runner } = options;
  return {
    issue: async (asked) => {
      const of = await replicaOf();
      if (!of) throw new Fault("Unavailable", "this site has not reached its hub yet");
      if (asked.notAfter <= flooredNow()) throw new Fault("InvalidArgument", "notAfter: has passed already");
      const row = await store.write((transaction) => journal(transaction, of, { asked, at: clock.now() }));
      asked.durable?.({ held: "site" });
      runner.wake();
      return fromJournal(row);
    },
    get: async (view, tenant, id) => {
      const of = await replicaIn(view, site);
      if (of?.tenant !== tenant) return undefined;
      const row = await siteTables(view)
        .selectFrom("command_journal")
        .selectAll()
        .where("id", "=", id)
        .executeTakeFirst();
      if (row && row.status !== "pending") return fromJournal(row);
      return (await open(view, of, options)).find((command) => command.id === id);
    },
    list: async (view, { tenant, hostId, limit }) => {
      const of = await replicaIn(view, site);
      if (of?.tenant !== tenant) return [];
      const rows = await siteTables(view)
        .selectFrom("command_journal")
        .selectAll()
        .where("host", "=", hostId)
        .where("status", "!=", "pending")
        .orderBy("issued_at", "desc")
        .orderBy("id", "desc")
        .limit(limit)
        .execute();
      const waiting = (await open(view, of, options)).filter((command) => command.hostId === hostId);
      return [...waiting, ...rows.map(fromJournal)].toSorted((a, b) => b.issuedAt - a.issuedAt).slice(0, limit);
    },
  };
}

/** Whose resources the view shows; undefined until the hub has been heard. */
async function replicaIn(view: View, site: string): Promise<ReplicaOf | undefined> {
  const [tenant, stream] = [await readSetting(view, "tenant"), await readSetting(view, "stream")];
  return tenant && stream ? { site, tenant: tenant.id, epoch: stream.epoch } : undefined;
}

async function journal(
  transaction: Transaction,
  of: ReplicaOf,
  { asked, at }: { asked: NewCommand; at: number },
): Promise<JournalRow> {
  const { tenant, hostId, command, notAfter, actor, token } = asked;
  const host = tenant === of.tenant ? await transaction.get(Host, tenant, hostId) : undefined;
  if (!host) throw new Fault("NotFound", `host ${hostId} not found`);
  const unmanaged = whyUnmanaged(host, of.site);
  if (unmanaged !== undefined) throw new Fault("FailedPrecondition", unmanaged);
  const row: JournalRow = {
    ...{ id: `command-${randomBytes(8).toString("hex")}`, host: hostId, command, status: "pending", reason: null },
    ...{
      actor,
      token: token ?? null,
      asked_from: askedFrom(asked),
      issued_at: at,
      not_after: notAfter,
      updated_at: at,
      given_here: 1,
    },
    ...{ incarnation: (await readSetting(transaction, "incarnation")) ?? 0, told_epoch: null },
  };
  await siteTables(transaction).insertInto("command_journal").values(row).execute();
  return row;
}

/** What has not begun, with what each waits for. */
async function open(view: View, of: ReplicaOf, options: SiteCommandsOptions): Promise<readonly Command[]> {
  const commands: Command[] = [];
  for (const command of await openCommands(view)) {
    const { id, host: hostId, command: name, actor, issuedAt, notAfter } = command;
    const { verdict } = await judge(view, options, { of, command });
    const waits = verdict.is === "wait" ? { reason: verdict.reason } : {};
    const status = verdict.is === "wait" && verdict.held ? "held" : "pending";
    commands.push({ id, hostId, command: name, status, ...waits, actor, issuedAt, notAfter, updatedAt: issuedAt });
  }
  return commands;
}

function fromJournal(row: JournalRow): Command {
  return {
    ...{ id: row.id, hostId: row.host, command: row.command as CommandName, actor: row.actor },
    status: row.status as Command["status"],
    ...(row.reason === null ? {} : { reason: row.reason }),
    ...{ issuedAt: row.issued_at, notAfter: row.not_after, updatedAt: row.updated_at },
  };
}
