import type { View } from "../store/contract.ts";
import { type AuditEntry, entryOf } from "./entry.ts";
import { changeOf } from "./rows.ts";

/** Which entries of the log are wanted. */
export interface AuditQuery {
  /** Of this project alone; of the hub and every project when absent. */
  readonly tenant?: string;
  /** `operator:alice` finds also what Alice did at a site. */
  readonly actor?: string;
  readonly kind?: string;
  readonly resourceId?: string;
  readonly operation?: string;
  readonly requestId?: string;
  readonly tokenId?: string;
  readonly address?: string;
  /** Taken at this time or later, milliseconds since the epoch. */
  readonly from?: number;
  /** Taken before this time. */
  readonly to?: number;
  readonly order: "newest" | "oldest";
  /** The number after which to go on, in the order that is wanted. */
  readonly after?: number;
  readonly limit: number;
}

export interface AuditPage {
  /** At most `limit`; fewer, or none, where few of those that were looked at are wanted. */
  readonly entries: readonly AuditEntry[];
  /** After which number to go on; absent at the end of the log. */
  readonly next?: number;
}

/** How many entries are looked at for one page: nobody's question keeps the others waiting. */
const LOOKED_AT = 20_000;

type Value = string | number;
type Row = Readonly<Record<string, unknown>>;

/** A page of the log, with what whoever verifies it needs. Goes on while there is a `next`. */
export async function auditPage(view: View, query: AuditQuery): Promise<AuditPage> {
  const { order, after, limit } = query;
  const direction = order === "newest" ? "desc" : "asc";
  const first = conditions([
    ["tenant_id = ?", query.tenant],
    ["resource_id = ?", query.resourceId],
    ["request = ?", query.requestId],
    [order === "newest" ? "seq < ?" : "seq > ?", after],
  ]);
  const [window] = await view.rows<{ many: number; low: number; high: number }>(
    `select count(*) as many, min(seq) as low, max(seq) as high from
      (select seq from change_log where ${first.sql} order by seq ${direction} limit ${LOOKED_AT})`,
    first.values,
  );
  if (!window || window.many === 0) return { entries: [] };
  const { many, low, high } = window;
  const wanted = conditions([
    ...first.given,
    ["seq >= ?", low],
    ["seq <= ?", high],
    ["(actor = ? or substr(actor, 19) = '/' || ?)", query.actor],
    ["kind = ?", query.kind],
    ["operation = ?", query.operation],
    ["token = ?", query.tokenId],
    ["address = ?", query.address],
    ["at >= ?", query.from],
    ["at < ?", query.to],
  ]);
  const rows = await view.rows<Row>(
    `select *, coalesce((select hash from change_log as earlier where earlier.tenant_id = entry.tenant_id
        and earlier.seq < entry.seq order by seq desc limit 1), '') as previous,
      coalesce((select hash from change_log as earlier where earlier.seq < entry.seq
        order by seq desc limit 1), '') as previous_in_hub
      from change_log as entry where ${wanted.sql} order by seq ${direction} limit ${limit}`,
    wanted.values,
  );
  const last = rows.length === limit ? Number(rows.at(-1)?.seq) : undefined;
  const next = last ?? (many === LOOKED_AT ? (order === "newest" ? low : high) : undefined);
  return { entries: rows.map(shownOf), ...(next === undefined ? {} : { next }) };
}

type Condition = readonly [sql: string, value: Value | undefined];

/** Those that have a value; a value stands for each `?` of its own. */
function conditions(all: readonly Condition[]) {
  const given = all.filter(([, value]) => value !== undefined);
  const values = given.flatMap(([sql, value = ""]) => Array<Value>(sql.split("?").length - 1).fill(value));
  return { given, values, sql: given.map(([sql]) => sql).join(" and ") || "true" };
}

/** As it stands in the log: the hash is the one that it was given, whether or not it is right. */
function shownOf(row: Row): AuditEntry {
  const links = { previous: String(row.previous), previousInHub: String(row.previous_in_hub) };
  return { ...entryOf(changeOf(row), links), hash: String(row.hash) };
}
