import type { Transaction } from "@holdfast/inventory";
import { ROW, siteScope, tenantScope } from "@holdfast/protocol/feed";
import { KINDS } from "@holdfast/protocol/kinds/kinds";
import { LANES, MAX_ENTRY_BYTES } from "@holdfast/protocol/uplink";
import { sql } from "kysely";
import { count } from "../database/counters.ts";
import { readSetting } from "../database/settings.ts";
import { siteTables } from "../database/tables.ts";
import { letGo as allLetGo, released } from "./released.ts";

/** What a row of the feed costs as an entry beside its body. */
const ENVELOPE_BYTES = 1_024;

/** Rows that are about one life of the hub or of the site: they mean nothing to another. */
const OF_ONE_LIFE: readonly string[] = [ROW.hold, ROW.command, ROW.enrolment, "tenant"];
/** What refers to resources comes after them. */
const AFTER_RESOURCES: readonly string[] = [ROW.access, ROW.credential, ROW.alias, ROW.conflict];

export interface Recovering {
  readonly site: string;
  readonly tenant: string;
  readonly now: number;
}

/**
 * Queues all that a hub which has lost history must learn before this site hears anything of it (rule 20): what was let go,
 * the rows of the replica as they came, last that this was all. What an earlier recovery had queued is replaced.
 */
export async function queueRecovery(transaction: Transaction, of: Recovering): Promise<void> {
  const tables = siteTables(transaction);
  await tables.deleteFrom("outbox").where("lane", "=", LANES.recovery).execute();
  const gone = await allLetGo(transaction);
  for (const { entry, conflicts } of gone) {
    await queue(transaction, entry, of.now);
    for (const conflict of conflicts) await queue(transaction, conflict, of.now);
  }
  await queueRows(transaction, of);
  const { rows } = await tables
    .selectFrom("outbox")
    .select(({ fn }) => fn.countAll<number>().as("rows"))
    .where("lane", "=", LANES.recovery)
    .executeTakeFirstOrThrow();
  const lineage = (await readSetting(transaction, "lineage")) ?? [];
  await queue(transaction, { type: "recovered", rows, lineage: lineage.slice(-1_000) }, of.now);
}

async function queue(transaction: Transaction, entry: object, now: number): Promise<void> {
  await siteTables(transaction)
    .insertInto("outbox")
    .values({ lane: LANES.recovery, key: null, body: JSON.stringify(entry), sealed: 0, added_at: now })
    .execute();
}

/** What is referred to before what refers; kinds of a later version, whose order is not known, last. */
async function queueRows(transaction: Transaction, { site, tenant, now }: Recovering): Promise<void> {
  const order = [...KINDS.map(({ name }) => name), null, ...AFTER_RESOURCES];
  const known = [...KINDS.map(({ name }) => name), ...AFTER_RESOURCES, ...OF_ONE_LIFE];
  const letGo = (await released(transaction)).map(({ kind, id }) => `${kind}/${id}`);
  for (const [name, scope] of [
    ["tenant", tenantScope(tenant)],
    ["site", siteScope(site)],
  ] as const) {
    // Its own row of a machine that it let go says that it has it. That of one that is nobody's now may say more than it knew then.
    const without = JSON.stringify(name === "site" ? letGo : []);
    for (const kind of order) {
      const ofKind =
        kind === null ? sql`kind not in (select value from json_each(${JSON.stringify(known)}))` : sql`kind = ${kind}`;
      // Bodies are put together by the database: a whole slice does not pass through here row by row.
      await sql`insert into outbox (lane, key, body, sealed, added_at)
        select ${LANES.recovery}, null,
            json_object('type', 'replica-row', 'scope', ${name}, 'kind', kind, 'id', id, 'body', json(body)), 0, ${now}
          from replica_row
          where scope = ${scope} and ${ofKind} and ${isObject} and octet_length(body) <= ${MAX_ENTRY_BYTES - ENVELOPE_BYTES}
            and kind || '/' || id not in (select value from json_each(${without}))
          order by seq`.execute(siteTables(transaction));
    }
  }
  const tooLarge = await sql<{ rows: number }>`select count(*) as rows from replica_row
    where octet_length(body) > ${MAX_ENTRY_BYTES - ENVELOPE_BYTES}`.execute(siteTables(transaction));
  const rows = tooLarge.rows[0]?.rows ?? 0;
  if (rows > 0) await count(transaction, "entries-oversized", rows);
}

const isObject = sql`case when json_valid(body) then json_type(body) = 'object' end`;
