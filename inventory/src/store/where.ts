import type { Kind } from "@holdfast/protocol";
import { type RawBuilder, sql } from "kysely";
import type { Comparison, Condition, Literal } from "./condition.ts";
import { FieldFault } from "./faults.ts";
import { type Path, resolvePath } from "./path.ts";
import { isUnseen, shownColumn } from "./silent-sites.ts";
import type { Column } from "./table.ts";

/** The operator that matches a pattern regardless of case. */
export type Like = "like" | "ilike";

/** How a statement reads rows. */
export interface Reading {
  readonly like: Like;
  /** Some sites are silent: the statement begins with them. */
  readonly silent: boolean;
}

type Sql = RawBuilder<boolean>;

const NEVER: Sql = sql<boolean>`1 = 0`;

/**
 * A condition as SQL over a kind's table under an alias. Every condition is true or false, never unknown: what has no
 * value equals nothing but "" and null. Throws InvalidArgument naming a field that is not there or a value that it
 * cannot have.
 */
export function whereOf(kind: Kind, alias: string, condition: Condition, reading: Reading): Sql {
  switch (condition.is) {
    case "and": {
      const parts = condition.of.map((each) => whereOf(kind, alias, each, reading));
      return parts.length === 0 ? sql<boolean>`1 = 1` : sql<boolean>`(${sql.join(parts, sql` and `)})`;
    }
    case "or": {
      const [values, others] = [condition.of.filter(wantsValue), condition.of.filter((each) => !wantsValue(each))];
      const places = values.map((each) => ({ ...placeOf(kind, each.path), alias, reading, wanted: each }));
      return either([...anyOf(places), ...others.map((each) => whereOf(kind, alias, each, reading))]);
    }
    case "not":
      return not(whereOf(kind, alias, condition.of, reading));
    case "has":
      return has({ ...placeOf(kind, condition.path), alias, reading });
    case "unseen": {
      if (!reading.silent) return NEVER;
      const place = { ...placeOf(kind, [...condition.path, "owner"]), alias, reading };
      return at(place, (_, __, inner) => isUnseen(inner));
    }
    case "compare":
      return compare({ ...placeOf(kind, condition.path), alias, reading }, condition);
  }
}

function either(parts: readonly Sql[]): Sql {
  return parts.length === 0 ? NEVER : sql<boolean>`(${sql.join(parts, sql` or `)})`;
}

type Wanted = Extract<Condition, { readonly is: "compare" | "has" }>;

/** Whether a condition can be true only where its path leads to a value. */
function wantsValue(condition: Condition): condition is Wanted {
  if (condition.is === "has") return true;
  if (condition.is !== "compare" || condition.operator === "not-equal") return false;
  return condition.value !== null && condition.value !== "";
}

/** Conditions of which one is to be true. What one reference leads to is looked at once, for all that go through it. */
function anyOf(places: readonly (Place & { readonly wanted: Wanted })[]): Sql[] {
  const through = Map.groupBy(places, ({ path }) => (path.to === "referred" ? path.through.column : undefined));
  return [...through].flatMap(([column, members]) => {
    const [first, ...more] = members;
    if (column === undefined || !first || more.length === 0) {
      return members.map((place) => (place.wanted.is === "has" ? has(place) : compare(place, place.wanted)));
    }
    return [referred(first, (there) => either(anyOf(members.map((each) => ({ ...each, ...there(each.path) })))))];
  });
}

function not(condition: Sql): Sql {
  return sql<boolean>`(${condition}) is not true`;
}

/** Where a path leads, from the row of a kind under an alias. */
interface Place {
  readonly kind: Kind;
  readonly path: Path;
  readonly name: string;
  readonly alias: string;
  readonly reading: Reading;
}

function placeOf(kind: Kind, path: readonly string[]): Pick<Place, "kind" | "path" | "name"> {
  return { kind, path: resolvePath(kind, path), name: path.join(".") };
}

function compare(place: Place, { operator, value }: { operator: Comparison; value: Literal }): Sql {
  if (operator === "not-equal") return not(compare(place, { operator: "equal", value }));
  if (value === null || value === "") {
    if (operator === "equal" || (operator === "contains" && value === "")) return not(has(place));
    throw new FieldFault("InvalidArgument", [place.name], `${place.name} cannot be ordered against nothing`);
  }
  return at(place, (column, ref) => {
    if (!column) throw new FieldFault("InvalidArgument", [place.name], `${place.name} has no value of its own`);
    return compareColumn({ column, ref, operator, value, name: place.name, like: place.reading.like });
  });
}

/** Whether the place that a path leads to has a value. */
function has(place: Place): Sql {
  return at(place, (column, ref) => {
    if (!column) return sql<boolean>`1 = 1`;
    const empty = column.type === "json" ? "[]" : "";
    if (column.type !== "text" && column.type !== "json") return sql<boolean>`${ref} is not null`;
    return sql<boolean>`(${ref} is not null and ${ref} <> ${empty})`;
  });
}

type Test = (column: Column | undefined, ref: RawBuilder<unknown>, alias: string) => Sql;

/** A test made where a path leads to, of the column there as it is shown and of the row that has it. */
function at(place: Place, test: Test): Sql {
  const { kind, path, alias, reading } = place;
  const inner = `${alias}_`;
  const same = (column: string, theirs: string) => sameIn(place, column, theirs);
  switch (path.to) {
    case "column":
      return test(path.column, columnShown(kind, alias, path.column, reading), alias);
    case "parts": {
      const { part, column } = path;
      const found = test(column, column ? sql.ref(`${inner}.${column.name}`) : sql`null`, inner);
      return sql<boolean>`exists (select 1 from ${sql.table(part.name)} as ${sql.ref(inner)}
        where ${same("resource_id", part.parent)} and ${found})`;
    }
    case "referring": {
      const beyond = path.rest && { ...place, kind: path.kind, path: path.rest, alias: inner };
      const found = beyond ? at(beyond, test) : test(undefined, sql`null`, inner);
      return sql<boolean>`exists (select 1 from ${sql.table(path.kind.name)} as ${sql.ref(inner)}
        where ${same("resource_id", path.by)} and ${found})`;
    }
    case "referred":
      return referred(place, (there) => at({ ...place, ...there(path) }, test));
  }
}

type There = (path: Path) => Pick<Place, "kind" | "path" | "alias">;

/** A test of what a place's first reference leads to; it is given how a path that begins there goes on. */
function referred({ path, alias }: Place, test: (there: There) => Sql): Sql {
  if (path.to !== "referred") throw new Error("the path does not begin with a reference");
  const { kind, through } = path;
  const inner = `${alias}_`;
  // Ids are all of one form, so what is between quotes in a list of them is one.
  const listed = sql`${sql.ref(`${inner}.tenant_id`)} = ${sql.ref(`${alias}.tenant_id`)}
    and ${sql.ref(`${alias}.${through.column}`)} like '%"' || ${sql.ref(`${inner}.resource_id`)} || '"%'`;
  const meant = through.many ? listed : sameIn({ alias }, through.column, "resource_id");
  const there: There = (each) => ({ kind, alias: inner, path: each.to === "referred" ? each.rest : each });
  return sql<boolean>`exists (select 1 from ${sql.table(kind.name)} as ${sql.ref(inner)}
    where ${meant} and ${test(there)})`;
}

/** That a row beyond has in one column what the row under an alias has in another. */
function sameIn({ alias }: Pick<Place, "alias">, column: string, theirs: string): RawBuilder<unknown> {
  const inner = `${alias}_`;
  return sql`${sql.ref(`${inner}.tenant_id`)} = ${sql.ref(`${alias}.tenant_id`)}
    and ${sql.ref(`${inner}.${theirs}`)} = ${sql.ref(`${alias}.${column}`)}`;
}

/** A column of the row of a kind under an alias, as it is shown. */
export function columnShown(kind: Kind, alias: string, column: Column, { silent }: Pick<Reading, "silent">) {
  return silent ? shownColumn(kind, alias, column) : sql.ref(`${alias}.${column.name}`);
}

const SYMBOLS = { equal: "=", less: "<", "at-most": "<=", greater: ">", "at-least": ">=" } as const;

interface ColumnComparison {
  readonly column: Column;
  readonly ref: RawBuilder<unknown>;
  readonly operator: Exclude<Comparison, "not-equal">;
  readonly value: string | number | boolean;
  readonly name: string;
  readonly like: Like;
}

function compareColumn({ column, ref, operator, value, name, like }: ColumnComparison): Sql {
  if (operator === "contains" && (column.type === "text" || column.type === "json")) {
    return sql<boolean>`${ref} ${sql.raw(like)} ${pattern(String(value))} escape '\\'`;
  }
  const symbol = sql.raw(SYMBOLS[operator === "contains" ? "equal" : operator]);
  return sql<boolean>`${ref} ${symbol} ${valueFor(column, value, name)}`;
}

/** `*` stands for anything, and so do both ends; all else for itself. */
function pattern(text: string): string {
  return `%${text.replace(/[\\%_]/g, "\\$&").replaceAll("*", "%")}%`;
}

/** A literal as a value of the column; throws InvalidArgument naming the field when it cannot be one. */
function valueFor(column: Column, value: string | number | boolean, name: string): string | number {
  const wrong = () => new FieldFault("InvalidArgument", [name], `${name} cannot be compared with ${String(value)}`);
  switch (column.type) {
    case "text":
    case "json":
      return String(value);
    case "integer": {
      const number = Number(value);
      if (typeof value === "boolean" || !Number.isFinite(number)) throw wrong();
      return number;
    }
    case "uint64":
      if (!/^[0-9]{1,16}$/.test(String(value))) throw wrong();
      return String(value);
    case "boolean":
      if (value !== true && value !== false && value !== "true" && value !== "false") throw wrong();
      return String(value) === "true" ? 1 : 0;
  }
}
