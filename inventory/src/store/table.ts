import { type Component, isManaged, KINDS, type Kind, kindNamed } from "@holdfast/protocol";
import { snakeCase } from "../snake-case.ts";

/** How a value is stored: `uint64` as an integer that is shown as text, `json` as text. */
export type ColumnType = "text" | "integer" | "uint64" | "boolean" | "json";

export interface Column {
  readonly name: string;
  /** The field's name in the API. */
  readonly field: string;
  readonly type: ColumnType;
  /** Of a secret, which is stored sealed: what stands there in the clear, because everybody knows it. */
  readonly secret?: { readonly initial: string | undefined };
}

/** The table of a kind's components of one sort: a row a part, ordered by `position`. */
export interface PartTable {
  readonly name: string;
  readonly field: string;
  /** The column that holds the id of the resource that has the parts. */
  readonly parent: string;
  readonly columns: readonly Column[];
}

/** A column that holds the id of a resource of a kind that has a table. */
export interface ReferenceColumn {
  readonly column: string;
  readonly field: string;
  readonly kind: string;
}

/** What the database holds of a kind: derived from its declaration, made by the migrations. */
export interface Table {
  readonly name: string;
  readonly kind: Kind;
  readonly bookkeeping: readonly Column[];
  /** A column for each field that is not a component. */
  readonly fields: readonly Column[];
  /** Bookkeeping first, then the fields. */
  readonly columns: readonly Column[];
  readonly parts: readonly PartTable[];
  readonly references: readonly ReferenceColumn[];
  /** Columns that hold the ids of several resources: no foreign key keeps these, the store does. */
  readonly lists: readonly ReferenceColumn[];
}

/** Columns beside the fields; the names of the second group are those of `Bookkeeping`. */
const BOOKKEEPING: readonly Column[] = [
  { name: "tenant_id", field: "tenant", type: "text" },
  { name: "resource_id", field: "resourceId", type: "text" },
  { name: "created_at", field: "createdAt", type: "integer" },
  { name: "updated_at", field: "updatedAt", type: "integer" },
  { name: "generation", field: "generation", type: "integer" },
  { name: "stamps", field: "stamps", type: "json" },
  { name: "creation", field: "creation", type: "text" },
];

const OF_MANAGED: readonly Column[] = [{ name: "owner_site", field: "owner", type: "text" }];

const OF_MACHINES: readonly Column[] = [
  { name: "observed_generation", field: "observedGeneration", type: "integer" },
  { name: "observed_at", field: "observedAt", type: "integer" },
  { name: "observed_by", field: "observedBy", type: "text" },
  { name: "observed_sources", field: "observedSources", type: "json" },
  { name: "observed_unknown", field: "observedUnknown", type: "json" },
];

const OF_RETIRED: readonly Column[] = [{ name: "retired", field: "retired", type: "integer" }];

/** The bookkeeping columns of a kind. */
export function bookkeepingOf(kind: Kind): readonly Column[] {
  return [
    ...BOOKKEEPING,
    ...(isManaged(kind) ? OF_MANAGED : []),
    ...(kind.feed === "machine" ? OF_MACHINES : []),
    ...(kind.deletion === "retired" ? OF_RETIRED : []),
  ];
}

function columnType(schema: object): ColumnType {
  const { type, format } = schema as { type?: unknown; format?: unknown };
  if (type === "string") return format === "uint64" ? "uint64" : "text";
  if (type === "integer") return "integer";
  if (type === "boolean") return "boolean";
  if (type === "array" || type === "object") return "json";
  throw new TypeError(`no column holds a value of type ${String(type)}`);
}

function partTable(kind: Kind, field: string, component: Component): PartTable {
  const columns = Object.entries(component.fields).map(([name, schema]) => ({
    name: snakeCase(name),
    field: name,
    type: columnType(schema),
  }));
  return { name: component.name, field, parent: `${kind.name}_id`, columns };
}

function inClear(type: ColumnType, initial: unknown): string | undefined {
  if (initial === undefined) return undefined;
  return type === "json" ? JSON.stringify(initial) : String(initial);
}

function describe(kind: Kind): Table {
  const bookkeeping = bookkeepingOf(kind);
  const fields: Column[] = [];
  const parts: PartTable[] = [];
  const references: ReferenceColumn[] = [];
  const lists: ReferenceColumn[] = [];
  for (const [field, { schema, component, reference, secret, initial }] of Object.entries(kind.fields)) {
    if (component) {
      parts.push(partTable(kind, field, component));
      continue;
    }
    const type = columnType(schema);
    fields.push({
      name: snakeCase(field),
      field,
      type,
      ...(secret ? { secret: { initial: inClear(type, initial) } } : {}),
    });
    if (reference && kindNamed(reference.kind)) {
      (reference.many ? lists : references).push({ column: snakeCase(field), field, kind: reference.kind });
    }
  }
  if (isManaged(kind)) references.push({ column: "owner_site", field: "owner", kind: "site" });
  return { name: kind.name, kind, bookkeeping, fields, columns: [...bookkeeping, ...fields], parts, references, lists };
}

const TABLES = new Map<Kind, Table>(KINDS.map((kind) => [kind, describe(kind)]));

/** The table of a stored kind; throws for one that is not stored. */
export function tableOf(kind: Kind): Table {
  const table = TABLES.get(kind);
  if (!table) throw new TypeError(`${kind.name} has no table`);
  return table;
}

/** Every kind's table, referred-to before referring. */
export const TABLES_OF_KINDS: readonly Table[] = [...TABLES.values()];
