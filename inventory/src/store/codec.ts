import type { Resource } from "@holdfast/protocol";
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

/** A resource's values in the order of its table's columns. */
export function encodeResource(table: Table, resource: Resource): StoredValue[] {
  const bookkeeping = resource as unknown as Record<string, unknown>;
  const fields = resource.fields as Record<string, unknown>;
  return table.columns.map((column) =>
    encodeValue(column, column.field in table.kind.fields ? fields[column.field] : bookkeeping[column.field]),
  );
}

/** A resource from its row and from the rows of its parts, by field. */
export function decodeResource(table: Table, row: Row, parts: Readonly<Record<string, readonly Row[]>>): Resource {
  const resource: Record<string, unknown> = {};
  const fields: Record<string, unknown> = {};
  for (const column of table.columns) {
    const stored = row[column.name];
    if (stored === null || stored === undefined) continue;
    const into = column.field in table.kind.fields ? fields : resource;
    into[column.field] = decodeValue(column, stored);
  }
  for (const part of table.parts) fields[part.field] = (parts[part.field] ?? []).map((each) => decodePart(part, each));
  return { ...resource, fields } as unknown as Resource;
}

/** A part's values in the order of its table's columns. */
export function encodePart(table: PartTable, part: Row): StoredValue[] {
  return table.columns.map((column) => encodeValue(column, part[column.field]));
}

function decodePart(table: PartTable, row: Row): Record<string, unknown> {
  const part: Record<string, unknown> = {};
  for (const column of table.columns) {
    const stored = row[column.name];
    if (stored !== null && stored !== undefined) part[column.field] = decodeValue(column, stored);
  }
  return part;
}

/** The columns to select, as SQL; 64-bit counts as text, for a driver's numbers end at 2^53. */
export function selectList(columns: readonly Column[], alias: string): string {
  return columns
    .map(({ name, type }) =>
      type === "uint64" ? `cast(${alias}."${name}" as text) as "${name}"` : `${alias}."${name}"`,
    )
    .join(", ");
}
