import { isManaged, type Kind, kindNamed } from "@holdfast/protocol";
import { snakeCase } from "../snake-case.ts";
import { backReferencesOf } from "./back-references.ts";
import { FieldFault } from "./faults.ts";
import { type Column, type PartTable, type ReferenceColumn, tableOf } from "./table.ts";

/** How many resources a path may go through before its last field: five, and the host on the way there. */
const MAX_STEPS = 6;

/** A column with the id of another resource, or with those of several. */
type Through = ReferenceColumn & { readonly many: boolean };

/** Where a path leads: to a column of the kind, of its parts, or on through a reference. */
export type Path =
  | { readonly to: "column"; readonly column: Column }
  | { readonly to: "parts"; readonly part: PartTable; readonly column: Column | undefined }
  | { readonly to: "referred"; readonly through: Through; readonly kind: Kind; readonly rest: Path }
  /** To what refers here by a column of its own, and on from there. */
  | { readonly to: "referring"; readonly kind: Kind; readonly by: string; readonly rest: Path | undefined };

const TIMES: readonly Column[] = [
  { name: "created_at", field: "createdAt", type: "integer" },
  { name: "updated_at", field: "updatedAt", type: "integer" },
];

function unknown(path: readonly string[]): FieldFault {
  const name = path.join(".");
  return new FieldFault("InvalidArgument", [name], `unknown field ${name}`);
}

/** The site that manages a machine or what follows one: no field of the API, and asked about by it. */
const OWNER: Column = { name: "owner_site", field: "owner", type: "text" };

/** The column of a top-level field, by its name in the API or with underscores; undefined when there is none. */
export function columnOf(kind: Kind, field: string): Column | undefined {
  const name = snakeCase(field);
  if (name === OWNER.field && isManaged(kind)) return OWNER;
  if (name === "resource_id" || kind.aliasIds.some((alias) => snakeCase(alias) === name)) {
    return { name: "resource_id", field: "resourceId", type: "text" };
  }
  return [...tableOf(kind).fields, ...TIMES].find((column) => column.name === name);
}

function referenceNamed(kind: Kind, name: string) {
  return Object.entries(kind.fields).find(
    ([, { reference }]) => reference?.embedAs !== undefined && snakeCase(reference.embedAs) === name,
  );
}

function referringNamed(kind: Kind, name: string) {
  const back = backReferencesOf(kind).find((each) => snakeCase(each.name) === name);
  const from = back && kindNamed(back.from);
  return back && from && ({ to: "referring", kind: from, by: snakeCase(back.by) } as const);
}

/** Resolves a path, or throws InvalidArgument naming the whole of it. */
export function resolvePath(kind: Kind, path: readonly string[]): Path {
  if (path.length > MAX_STEPS + 1) {
    const name = path.join(".");
    throw new FieldFault("InvalidArgument", [name], `${name} goes through more than ${MAX_STEPS} resources`);
  }
  return resolve(kind, path, path);
}

function resolve(kind: Kind, path: readonly string[], whole: readonly string[]): Path {
  const [first, ...rest] = path;
  if (first === undefined) throw unknown(whole);
  const name = snakeCase(first);
  const part = tableOf(kind).parts.find((each) => snakeCase(each.field) === name);
  if (part) return resolvePart(part, rest, whole);
  const referring = referenceNamed(kind, name);
  if (referring) {
    const [field, { reference }] = referring;
    const own = columnOf(kind, field);
    if (!own || !reference) throw unknown(whole);
    if (rest.length === 0) return { to: "column", column: own };
    return resolveReferred({ column: own.name, field, kind: reference.kind, many: reference.many }, rest, whole);
  }
  const referred = referringNamed(kind, name);
  if (referred) return { ...referred, rest: rest.length === 0 ? undefined : resolve(referred.kind, rest, whole) };
  const column = rest.length === 0 ? columnOf(kind, first) : undefined;
  if (!column) throw unknown(whole);
  return { to: "column", column };
}

function resolvePart(part: PartTable, rest: readonly string[], whole: readonly string[]): Path {
  const [field, ...deeper] = rest;
  if (field === undefined) return { to: "parts", part, column: undefined };
  const column = part.columns.find((each) => each.name === snakeCase(field));
  if (!column || deeper.length > 0) throw unknown(whole);
  return { to: "parts", part, column };
}

function resolveReferred(through: Through, rest: readonly string[], whole: readonly string[]): Path {
  const kind = kindNamed(through.kind);
  if (!kind) throw unknown(whole);
  const onward = resolve(kind, rest, whole);
  // The id is at hand in the referring row.
  if (!through.many && onward.to === "column" && onward.column.name === "resource_id") {
    return { to: "column", column: { name: through.column, field: through.field, type: "text" } };
  }
  return { to: "referred", through, kind, rest: onward };
}
