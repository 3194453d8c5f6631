import type { Resource } from "@holdfast/protocol";
import type { Sealer } from "./secrets/sealer.ts";
import type { Column, PartTable, Table } from "./table.ts";

export type Row = Readonly<Record<string, unknown>>;
type StoredValue = string | number | null;

/** A value as its column stores it; what is absent is NULL. */
export function encodeValue(column: Column, value: unknown): StoredValue {
  if (value === undefined || value === null) return null;
  switch (column.type) {
    case "json":
      return JSON.stringify(value);
    case "boolean":
      return value === true ? 1 : 0;
    case "integer":
      return Number(value);
    case "text":
    case "uint64":
      return String(value);
  }
}

/** A value as the API shows it; drivers give 64-bit integers as number or as text. */
export function decodeValue(column: Column, stored: unknown): unknown {
  switch (column.type) {
    case "json":
      return typeof stored === "string" ? JSON.parse(stored) : stored;
    case "boolean":
      return Number(stored) === 1;
    case "integer":
      return Number(stored);
    case "text":
    case "uint64":
      return String(stored);
  }
}

/** A resource's values in the order of its table's columns; secrets are sealed. */
export function encodeResource(table: Table, resource: Resource, sealer: Sealer): StoredValue[] {
  const { tenant, resourceId: id } = resource;
  const values = encodeColumns(table.fields, resource.fields).map((value, place) => {
    const column = table.fields[place];
    if (!column?.secret || value === null || value === column.secret.initial) return value;
    return sealer.seal(String(value), { tenant, id, field: column.field });
  });
  return [...encodeColumns(table.bookkeeping, resource as unknown as Row), ...values];
}

/**
 * A resource from its row and from the rows of its parts of each sort. Stamps are read when they are asked for: lists do not, and
 * they are the most of a small row. So are secrets opened: nobody who shows a resource asks for one, and one that does not open is in
 * nobody's way.
 */
export function decodeResource(
  table: Table,
  row: Row,
  { sealer, partsOf }: { sealer: Sealer; partsOf: (part: PartTable) => readonly Row[] },
): Resource {
  const fields = decodeColumns(table.fields, row);
  for (const column of table.fields) {
    if (column.secret && column.field in fields) openWhenAsked(fields, { column, row, sealer });
  }
  for (const part of table.parts) fields[part.field] = partsOf(part).map((each) => decodeColumns(part.columns, each));
  let stamps: unknown;
  return {
    ...decodeColumns(withoutStamps(table), row),
    get stamps() {
      stamps ??= JSON.parse(String(row.stamps));
      return stamps;
    },
    fields,
  } as unknown as Resource;
}

function openWhenAsked(
  fields: Record<string, unknown>,
  { column, row, sealer }: { column: Column; row: Row; sealer: Sealer },
): void {
  const stored = String(row[column.name]);
  if (stored === column.secret?.initial) return;
  const place = { tenant: String(row.tenant_id), id: String(row.resource_id), field: column.field };
  Object.defineProperty(fields, column.field, {
    enumerable: true,
    get: () => decodeValue(column, sealer.open(stored, place)),
  });
}

const WITHOUT_STAMPS = new Map<Table, readonly Column[]>();

function withoutStamps(table: Table): readonly Column[] {
  const known = WITHOUT_STAMPS.get(table);
  if (known) return known;
  const columns = table.bookkeeping.filter(({ field }) => field !== "stamps");
  WITHOUT_STAMPS.set(table, columns);
  return columns;
}

/** The values of a resource's fields or of a part, in the order of the columns. */
export function encodeColumns(columns: readonly Column[], values: Row): StoredValue[] {
  return columns.map((column) => encodeValue(column, values[column.field]));
}

/** The values of columns that have one, by field. */
function decodeColumns(columns: readonly Column[], row: Row): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const column of columns) {
    const stored = row[column.name];
    if (stored === null || stored === undefined) continue;
    const isSealed = column.secret && stored !== column.secret.initial;
    values[column.field] = isSealed ? undefined : decodeValue(column, stored);
  }
  return values;
}

/** The columns to select, as SQL; 64-bit counts as text, for a driver's numbers end at 2^53. */
export function selectList(columns: readonly Column[], alias: string): string {
  return columns
    .map(({ name, type }) =>
      type === "uint64" ? `cast(${alias}."${name}" as text) as "${name}"` : `${alias}."${name}"`,
    )
    .join(", ");
}
