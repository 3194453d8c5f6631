import type { AuthorityListener, Store, Transaction, View } from "@holdfast/inventory";
import type { Commands } from "@holdfast/inventory/api/commands";
import { Host } from "@holdfast/protocol";
import { type Clock, hours } from "@holdfast/runtime";
import type { HubTables } from "../tables.ts";
import type { CommandPort } from "../uplink/ports.ts";
import { commandById, endAll, shownOf } from "./book.ts";
import { issue } from "./issue.ts";
import { report } from "./report.ts";
import type { CommandRow } from "./tables.ts";

const DAY = hours(24);

/** How long a command that has ended is kept. */
export const HISTORY_KEPT = 30 * DAY;

/** How long after its end a site may still say what became of a command that it had begun. */
export const REPORTED_WITHIN = 7 * DAY;

const SWEPT_AT_ONCE = 500;

/** What is asked of machines once, as feed rows of their sites (rule 17). */
export interface HubCommands extends Commands, CommandPort {
  /** Ends those whose time is over and forgets what is long past, some hundreds at a time. Returns how many. */
  sweep(): Promise<number>;
}

export interface CommandParts {
  readonly store: Store;
  readonly clock: Pick<Clock, "now">;
}

export function createCommands({ store, clock }: CommandParts): HubCommands {
  return {
    async issue(wanted) {
      const [issued] = await store.write(async (tx) => shownOf(tx, [await issue(tx, wanted, clock.now())]));
      if (!issued) throw new TypeError("a command was given and is not there");
      wanted.durable?.({ held: "hub" });
      return issued;
    },
    async get(view, tenant, id) {
      const row = await commandById(view, id);
      return row?.tenant === tenant ? (await shownOf(view, [row]))[0] : undefined;
    },
    async list(view, { tenant, hostId, limit }) {
      const of = view.tables<HubTables>().selectFrom("command").selectAll();
      const newest = of.where("tenant", "=", tenant).where("host", "=", hostId).orderBy("issued_at", "desc");
      return shownOf(view, await newest.orderBy("id").limit(limit).execute());
    },
    reported: report,
    async onIncarnation(tx, { site, incarnation }) {
      const earlier = open(tx).where("site", "=", site).where("incarnation", "<", incarnation);
      const reason = "its site has begun another life and does not know what became of it";
      await endAll(tx, await earlier.execute(), { status: "unknown", reason, now: clock.now() });
    },
    async sweep() {
      const now = clock.now();
      return (await store.read((view) => isAnyDue(view, now))) ? store.write((tx) => sweep(tx, now)) : 0;
    },
  };
}

/** Commands whose machine their site no longer manages, or that is gone, will not be carried out. */
export function commandListener({ clock }: { clock: Pick<Clock, "now"> }): AuthorityListener {
  const refuse = async (tx: Transaction, host: { tenant: string; resourceId: string }, reason: string) => {
    const waiting = open(tx).where("tenant", "=", host.tenant).where("host", "=", host.resourceId);
    const rows = await waiting.where("status", "=", "pending").execute();
    await endAll(tx, rows, { status: "refused", reason, now: clock.now() });
  };
  return {
    async moved(tx, { kind, after }) {
      if (kind.name === Host.name) await refuse(tx, after, "the host has another site than the one that was asked");
    },
    async gone(tx, { kind, resource }) {
      if (kind.name === Host.name) await refuse(tx, resource, "the host is gone");
    },
  };
}

function open(tx: Transaction) {
  return tx.tables<HubTables>().selectFrom("command").selectAll().where("ended_by", "is", null);
}

/** Whether a sweep may find something: it is asked far more often than there is any. */
async function isAnyDue(view: View, now: number): Promise<boolean> {
  const any = await view
    .tables<HubTables>()
    .selectFrom("command")
    .select("id")
    .where((is) =>
      is.or([
        is("ended_by", "is", null).and("not_after", "<=", now),
        is("ended_by", "is not", null).and("updated_at", "<=", now - HISTORY_KEPT),
      ]),
    )
    .limit(1)
    .executeTakeFirst();
  return any !== undefined;
}

async function sweep(tx: Transaction, now: number): Promise<number> {
  const due = (status: CommandRow["status"], before: number) =>
    open(tx).where("status", "=", status).where("not_after", "<=", before).limit(SWEPT_AT_ONCE).execute();
  const expired = await due("pending", now);
  await endAll(tx, expired, { status: "expired", reason: "nobody began it in time", now });
  const unheard = await due("started", now - REPORTED_WITHIN);
  await endAll(tx, unheard, { status: "unknown", reason: "its site has not said what became of it", now });
  const old = await tx
    .tables<HubTables>()
    .deleteFrom("command")
    .where("ended_by", "is not", null)
    .where("updated_at", "<=", now - HISTORY_KEPT)
    .executeTakeFirst();
  return expired.length + unheard.length + Number(old.numDeletedRows);
}
