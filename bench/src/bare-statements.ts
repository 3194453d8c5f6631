import { kindOfId } from "@holdfast/protocol";
import type { BareList } from "./workers/bare-lists.ts";

export type Statement = BareList["statements"][number];

/** What is asked of a kind's table. */
export interface Selection {
  readonly table: string;
  /** In SQL, with `?` for the values. */
  readonly where?: string;
  readonly values?: readonly string[];
  readonly orderBy?: string;
  readonly limit?: number;
  readonly offset?: number;
}

export interface Answer {
  readonly totalElements?: number;
  readonly [key: string]: unknown;
}

const PARTS_OF_HOST = ["host_storage", "host_nic", "host_usb", "host_gpu"];

/**
 * The statements that somebody would write for an answer: its page; how many there are, when the page is not all; and each kind
 * that is shown with it read once, by ids.
 */
export function statementsFor(tenant: string, asked: readonly (Selection | Statement)[], answer: Answer): Statement[] {
  const pages = asked.flatMap((each) => ("sql" in each ? [each] : pageOf(tenant, each, answer)));
  const tables = new Set(asked.flatMap((each) => ("sql" in each ? [] : [each.table])));
  return [...pages, ...besides(tenant, tables, answer)];
}

function pageOf(tenant: string, selection: Selection, { totalElements = 0 }: Answer): Statement[] {
  const { table, where = "true", values = [], orderBy = "resource_id", limit, offset = 0 } = selection;
  const from = `from ${table} where tenant_id = ? and (${where})`;
  const given = [tenant, ...values];
  const page = limit === undefined ? "" : `limit ${limit} offset ${offset}`;
  const statements = [{ sql: `select * ${from} order by ${orderBy} ${page}`, values: given }];
  if (limit !== undefined && totalElements > limit) statements.push({ sql: `select count(*) ${from}`, values: given });
  return statements;
}

function besides(tenant: string, asked: ReadonlySet<string>, answer: Answer): Statement[] {
  const shown = new Map<string, Set<string>>();
  JSON.stringify(answer, (key, value: unknown) => {
    const table = key === "resourceId" && typeof value === "string" ? kindOfId(value)?.name : undefined;
    if (table !== undefined) shown.set(table, (shown.get(table) ?? new Set()).add(String(value)));
    return value;
  });
  const statements = [...shown]
    .filter(([table]) => !asked.has(table))
    .map(([table, ids]) => byIds({ table, column: "resource_id", tenant, ids }));
  const hosts = shown.get("host");
  if (!hosts) return statements;
  return [...statements, ...PARTS_OF_HOST.map((table) => byIds({ table, column: "host_id", tenant, ids: hosts }))];
}

interface ByIds {
  readonly table: string;
  readonly column: string;
  readonly tenant: string;
  readonly ids: ReadonlySet<string>;
}

function byIds({ table, column, tenant, ids }: ByIds): Statement {
  const sql = `select * from ${table} where tenant_id = ? and ${column} in (select value from json_each(?))`;
  return { sql, values: [tenant, JSON.stringify([...ids])] };
}
