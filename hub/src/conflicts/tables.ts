import { createHash } from "node:crypto";
import type { Kysely } from "kysely";
import type { Migration } from "kysely/migration";
import { createTable } from "../create-table.ts";

/** Several values are wanted of one field, and an operator must choose. One is open per resource and field (rule 3). */
export interface OpenConflictRow {
  readonly id: string;
  readonly tenant: string;
  readonly kind: string;
  readonly resource_id: string;
  /** Empty: whether the resource exists, and as what. */
  readonly field: string;
  readonly opened_at: number;
  /** JSON: the scopes whose feeds show it. */
  readonly scopes: string;
}

/** One of the values. */
export interface ConflictValueRow {
  readonly conflict: string;
  /** Id of the intent or of the hub's write; `nothing` for what nobody ever wrote. */
  readonly write: string;
  /** By which the values of a conflict are ordered. */
  readonly number: number;
  /** JSON. */
  readonly value: string;
  /** `hub`, or the id of a site. */
  readonly by: string;
  readonly actor: string;
  /** By the clock of where it was wanted: shown, never used for order. */
  readonly at: number;
  readonly reason: string | null;
  /** Id of the creation, of a resource that a site made and that could not be made here. */
  readonly creation: string | null;
}

/** That a conflict was there and is over: a site that was behind then does not open it again. */
export interface ClosedConflictRow {
  readonly id: string;
  readonly closed_at: number;
}

/** As the first version kept what did not apply: one row an intent. */
interface FirstConflictRow {
  readonly intent: string;
  readonly tenant: string;
  readonly site: string;
  readonly kind: string;
  readonly resource_id: string;
  readonly field: string | null;
  readonly hub_value: string | null;
  readonly hub_stamp: string | null;
  readonly site_value: string;
  readonly reason: string;
  readonly actor: string;
  readonly reported_at: number;
  readonly received_at: number;
}

interface Tables {
  readonly conflict: FirstConflictRow;
  readonly open_conflict: OpenConflictRow;
  readonly conflict_value: ConflictValueRow;
}

/** As the first version had it. */
export const firstConflictTable: Migration = {
  async up(db: Kysely<unknown>) {
    await createTable(
      db,
      "conflict",
      {
        intent: "text",
        tenant: "text",
        site: "text",
        kind: "text",
        resource_id: "text",
        field: "text?",
        base: "text?",
        hub_value: "text?",
        hub_stamp: "text?",
        site_value: "text",
        reason: "text",
        actor: "text",
        reported_at: "bigint",
        received_at: "bigint",
      },
      ["site", "intent"],
    );
    await db.schema.createIndex("conflict_by_resource").on("conflict").columns(["tenant", "resource_id"]).execute();
  },
};

/** Makes the tables, and opens a conflict of whatever the first version kept. */
export const conflictTables: Migration = {
  async up(db: Kysely<unknown>) {
    await createTable(
      db,
      "open_conflict",
      {
        id: "text",
        tenant: "text",
        kind: "text",
        resource_id: "text",
        field: "text",
        opened_at: "bigint",
        scopes: "text",
      },
      ["id"],
    );
    const about = ["tenant", "resource_id", "field"];
    await db.schema.createIndex("open_conflict_about").unique().on("open_conflict").columns(about).execute();
    await createTable(
      db,
      "conflict_value",
      {
        conflict: "text",
        write: "text",
        number: "bigint",
        value: "text",
        by: "text",
        actor: "text",
        at: "bigint",
        reason: "text?",
        creation: "text?",
      },
      ["conflict", "write"],
    );
    await createTable(db, "closed_conflict", { id: "text", closed_at: "bigint" }, ["id"]);
    await db.schema.createIndex("closed_conflict_by_end").on("closed_conflict").column("closed_at").execute();
    await carryOver(db as Kysely<Tables>);
    await db.schema.dropTable("conflict").execute();
  },
};

/** No feed shows them yet: the hub does that when it starts. */
async function carryOver(db: Kysely<Tables>): Promise<void> {
  const kept = await db.selectFrom("conflict").selectAll().orderBy("received_at").orderBy("intent").execute();
  const opened = new Map<string, string>();
  // Below zero: before every value that is still to come.
  for (const [index, row] of kept.entries()) {
    const number = 2 * (index - kept.length);
    const { tenant, kind, resource_id, received_at: opened_at } = row;
    const field = row.field ?? "";
    const about = JSON.stringify([tenant, resource_id, field]);
    let conflict = opened.get(about);
    if (conflict === undefined) {
      conflict = `conflict-${createHash("sha256").update(`${row.site}/${row.intent}`).digest("hex").slice(0, 16)}`;
      opened.set(about, conflict);
      const open = { id: conflict, tenant, kind, resource_id, field, opened_at, scopes: "[]" };
      await db.insertInto("open_conflict").values(open).execute();
      await insert(db, { ...standingOf(row), conflict, number });
    }
    await insert(db, { ...wantedOf(row), conflict, number: number + 1 });
  }
}

type Value = Omit<ConflictValueRow, "conflict" | "number">;

function standingOf({ hub_value, hub_stamp, received_at: at }: FirstConflictRow): Value {
  const told = { by: "hub", actor: "hub", at, reason: null, creation: null };
  return { write: hub_stamp ?? "nothing", value: hub_value ?? "null", ...told };
}

function wantedOf({ intent, field, site_value, site, actor, reported_at, reason }: FirstConflictRow): Value {
  const told = { by: site, actor, at: reported_at, reason };
  // The first version did not keep the id of the creation; the intent's is as good, for nothing was made of it.
  return { write: intent, value: site_value, ...told, creation: field === null ? intent : null };
}

async function insert(db: Kysely<Tables>, value: ConflictValueRow): Promise<void> {
  const ignoring = db.insertInto("conflict_value").onConflict((on) => on.columns(["conflict", "write"]).doNothing());
  await ignoring.values(value).execute();
}
