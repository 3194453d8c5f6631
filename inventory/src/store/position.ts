import { type RawBuilder, sql } from "kysely";
import type { Column } from "./table.ts";

/** Where a page ended: what its last row was ordered by, as it was shown, and its id. */
export interface Position {
  readonly values: readonly (string | number | null)[];
  readonly id: string;
}

/** One of the things that a list is ordered by. */
export interface OrderTerm {
  readonly column: Column;
  /** The column as it is shown. */
  readonly shown: RawBuilder<unknown>;
  readonly descending: boolean;
}

/** What has no value comes last, and first when descending; the id breaks ties. */
export function orderBy(terms: readonly OrderTerm[]): RawBuilder<unknown> {
  const ordered = terms.map(({ shown, descending }) => sql`${shown} ${directionOf(descending)}`);
  return sql.join([...ordered, sql`t.resource_id`, sql`t.tenant_id`]);
}

function directionOf(descending: boolean): RawBuilder<unknown> {
  return sql.raw(descending ? "desc nulls first" : "asc nulls last");
}

/** What a row is ordered by, to be selected beside its columns. */
export function selectPosition(terms: readonly OrderTerm[]): RawBuilder<unknown> {
  // As text where a driver's numbers end before the column's do.
  const each = terms.map(({ shown, column }, index) => {
    const value = column.type === "uint64" ? sql`cast(${shown} as text)` : shown;
    return sql`, ${value} as ${sql.ref(nameOf(index))}`;
  });
  return sql.join(each, sql``);
}

export function positionOf(terms: readonly OrderTerm[], row: Readonly<Record<string, unknown>>): Position {
  const values = terms.map((_, index) => row[nameOf(index)] as string | number | null);
  return { values, id: String(row.resource_id) };
}

function nameOf(index: number): string {
  return `ordered_${index}`;
}

/** The rows of a tenant that come after a position: later in one of the terms, and equal in all before it. */
export function isAfter(terms: readonly OrderTerm[], { values, id }: Position): RawBuilder<boolean> {
  const same = terms.map(
    (term, index) => sql<boolean>`${term.shown} is not distinct from ${given(term, values[index])}`,
  );
  const later = [...terms.map((term, index) => isLater(term, values[index])), sql<boolean>`t.resource_id > ${id}`];
  const ways = later.flatMap((each, index) => (each ? [all([...same.slice(0, index), each])] : []));
  return sql<boolean>`(${sql.join(ways, sql` or `)})`;
}

function all(conditions: readonly RawBuilder<boolean>[]): RawBuilder<boolean> {
  return sql<boolean>`(${sql.join(conditions, sql` and `)})`;
}

/** Undefined where nothing can be later. */
function isLater(term: OrderTerm, value: Position["values"][number] | undefined): RawBuilder<boolean> | undefined {
  const { shown, descending } = term;
  const unset = value === null || value === undefined;
  if (descending) return unset ? sql<boolean>`${shown} is not null` : sql<boolean>`${shown} < ${given(term, value)}`;
  return unset ? undefined : sql<boolean>`(${shown} > ${given(term, value)} or ${shown} is null)`;
}

function given({ column }: OrderTerm, value: Position["values"][number] | undefined): RawBuilder<unknown> {
  return column.type === "uint64" ? sql`cast(${value ?? null} as bigint)` : sql`${value ?? null}`;
}
