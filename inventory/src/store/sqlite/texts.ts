import { selectList } from "../codec.ts";
import type { Wanted } from "../hot-paths.ts";
import { type PartTable, TABLES_OF_KINDS, type Table } from "../table.ts";

/**
 * A value as statements with an order or a limit take it. SQLite would plan them anew, which takes longer than looking a row
 * up, for each `?` in them that is bound again.
 */
export const GIVEN = "(select ?)";

/** One of the values of a JSON array: so a statement is the same however many there are. */
const AMONG = "in (select value from json_each(?))";

const KEY = "tenant_id = ? and resource_id = ?";

interface Texts {
  readonly get: string;
  /** Without a condition. */
  readonly select: string;
  readonly insert: string;
  readonly update: string;
  readonly delete: string;
}

interface PartTexts {
  /** Of one resource. */
  readonly get: string;
  /** Of several, with `tenant_id` and `parent_id`. */
  readonly getMany: string;
  readonly insert: string;
  readonly delete: string;
}

const TEXTS = new Map(TABLES_OF_KINDS.map((table) => [table, describe(table)]));
const PART_TEXTS = new Map(TABLES_OF_KINDS.flatMap(({ parts }) => parts.map((part) => [part, describePart(part)])));

function describe({ name, columns }: Table): Texts {
  const names = columns.map((column) => `"${column.name}"`);
  const select = `select ${selectList(columns, "t")} from "${name}" as t`;
  return {
    get: `${select} where ${KEY}`,
    select,
    insert: `insert into "${name}" (${names.join(", ")}) values (${names.map(() => "?").join(", ")})`,
    update: `update "${name}" set ${names.map((each) => `${each} = ?`).join(", ")} where ${KEY}`,
    delete: `delete from "${name}" where ${KEY}`,
  };
}

function describePart({ name, parent, columns }: PartTable): PartTexts {
  const names = columns.map((column) => `"${column.name}"`);
  const list = selectList(columns, "t");
  return {
    get: `select ${list} from "${name}" as t where tenant_id = ${GIVEN} and "${parent}" = ${GIVEN} order by position`,
    getMany: `select tenant_id, "${parent}" as parent_id, ${list} from "${name}" as t
      where tenant_id = ${GIVEN} and "${parent}" ${AMONG} order by "${parent}", position`,
    insert: `insert into "${name}" (tenant_id, "${parent}", position, ${names.join(", ")})
      values (?, ?, ?, ${names.map(() => "?").join(", ")})`,
    delete: `delete from "${name}" where tenant_id = ? and "${parent}" = ?`,
  };
}

/** The statements over a kind's rows, each by tenant and id. */
export function textsOf(table: Table): Texts {
  return known(TEXTS, table);
}

/** The statements over the rows of parts, by tenant and by the id of the resource that has them. */
export function textsOfPart(part: PartTable): PartTexts {
  return known(PART_TEXTS, part);
}

function known<K extends Table | PartTable, T>(texts: ReadonlyMap<K, T>, table: K): T {
  const found = texts.get(table);
  if (!found) throw new TypeError(`${table.name} is no table of a kind`);
  return found;
}

/** Finds the rows whose columns hold what is wanted, in no order: one would keep SQLite from the best index. */
export function findText(table: Table, wanted: Wanted): string {
  const conditions = Object.entries(wanted).map(
    ([name, value]) => `"${name}" ${typeof value === "string" ? "= ?" : AMONG}`,
  );
  const { select } = textsOf(table);
  return conditions.length === 0 ? select : `${select} where ${conditions.join(" and ")}`;
}
