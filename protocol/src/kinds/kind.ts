import { type Static, type TSchema, Type } from "typebox";
import type { Stamp } from "../feed.ts";

/** Who writes a field. Every field has exactly one owner. */
export type Owner = "operator" | "site" | "hub";

/** What a field refers to, and under which name the API shows the resource itself beside its id, if it does. */
export interface Reference {
  readonly kind: string;
  readonly embedAs: string | undefined;
  /** The API never shows nor takes the id, only the embedded resource. */
  readonly hidden: boolean;
  readonly many: boolean;
  /** Whether what refers is deleted with what it refers to; otherwise that cannot be deleted while something refers to it. */
  readonly goesAlong: boolean;
  /** Whether it only tells what was: what it refers to may be retired all the same. */
  readonly tellsPast: boolean;
  /** A second name under which the API shows the resource, for clients know both. */
  readonly alsoAs: string | undefined;
  /** Whether an empty resource is shown where there is none: clients read its name without asking whether it is there. */
  readonly neverNull: boolean;
  /** How what is referred to shows what refers to it; it does not when undefined. */
  readonly shownThere: ShownThere | undefined;
}

/** A resource under a name, or a list of all that refer. */
export interface ShownThere {
  readonly as: string;
  readonly many: boolean;
}

/** Observations that are made together: by the machine's own report, by looking at its power, by the site's own doing. */
export const OBSERVATION_GROUPS = ["hardware", "power", "status"] as const;
export type ObservationGroup = (typeof OBSERVATION_GROUPS)[number];

export interface Field<S extends TSchema = TSchema> {
  readonly owner: Owner;
  /** The value as the API shows it. */
  readonly schema: S;
  /** What a create must bring. */
  readonly required: boolean;
  /** Shown by the API but written only through an action (register, invalidate) or by the hub. */
  readonly readOnly: boolean;
  /** May be set at creation, or later while it is still unset, and never changed after. */
  readonly immutable: boolean;
  /** Written, never read back through the API nor put in a feed that more than one site reads. */
  readonly secret: boolean;
  /** The value of a resource that nobody has told otherwise; undefined is "not known". */
  readonly initial: unknown;
  readonly reference: Reference | undefined;
  /** Which observations it is seen together with. */
  readonly group: ObservationGroup | undefined;
  /** The parts of a machine, replaced as a set by its site; a table of their own. */
  readonly component: Component | undefined;
}

interface FieldOptions {
  readonly required?: true;
  readonly readOnly?: true;
  readonly immutable?: true;
  readonly secret?: true;
  readonly initial?: unknown;
}

function field<S extends TSchema>(owner: Owner, schema: S, options: FieldOptions): Field<S> {
  return {
    owner,
    schema,
    required: options.required ?? false,
    readOnly: options.readOnly ?? owner !== "operator",
    immutable: options.immutable ?? false,
    secret: options.secret ?? false,
    initial: options.initial,
    reference: undefined,
    group: owner === "site" ? "status" : undefined,
    component: undefined,
  };
}

/** Intent: written by operators, at the hub or at the site. */
export function operator<S extends TSchema>(schema: S, options: FieldOptions = {}): Field<S> {
  return field("operator", schema, options);
}

/** Observation: written by the site that manages the machine. */
export function observed<S extends TSchema>(
  schema: S,
  { group = "status", ...options }: { initial?: Static<S>; group?: ObservationGroup } = {},
): Field<S> {
  return { ...field("site", schema, options), group };
}

/** Bookkeeping: written by the hub. */
export function bookkept<S extends TSchema>(schema: S): Field<S> {
  return field("hub", schema, {});
}

const PLAIN = {
  ...{ hidden: false, many: false, goesAlong: false, tellsPast: false, neverNull: false },
  ...{ alsoAs: undefined, shownThere: undefined },
};

/** The id of another resource of the same tenant; the API embeds that resource as `embedAs`, or does not. */
export function reference(
  kind: string,
  options: {
    embedAs?: string;
    pattern: string;
    maxLength: number;
    required?: true;
    immutable?: true;
    goesAlong?: true;
    neverNull?: true;
    alsoAs?: string;
    shownThere?: ShownThere;
  },
): Field {
  const { embedAs, pattern, maxLength, goesAlong = false, neverNull = false, alsoAs, shownThere, ...rest } = options;
  const schema = Type.String({ maxLength, pattern });
  return {
    ...field("operator", schema, rest),
    reference: { ...PLAIN, kind, embedAs, goesAlong, neverNull, alsoAs, shownThere },
  };
}

/** A reference that the API shows only as the embedded resource. */
export function hiddenReference(
  kind: string,
  embedAs: string,
  options: { required?: true; immutable?: true; goesAlong?: true; tellsPast?: true; neverNull?: true } = {},
): Field {
  const { goesAlong = false, tellsPast = false, neverNull = false, ...rest } = options;
  const reference = { ...PLAIN, kind, embedAs, hidden: true, goesAlong, tellsPast, neverNull };
  return { ...field("hub", Type.String(), rest), reference };
}

/** Ids of several resources of one kind. */
export function references(kind: string, options: { embedAs: string; pattern: string; maxLength: number }): Field {
  const { embedAs, pattern, maxLength } = options;
  const schema = Type.Array(Type.String({ maxLength, pattern }));
  return { ...field("operator", schema, {}), reference: { ...PLAIN, kind, embedAs, many: true } };
}

/** A part of a machine. Its fields are observations; it has a table `name` with a row per part. */
export interface Component<F extends Record<string, TSchema> = Record<string, TSchema>> {
  readonly name: string;
  readonly schemaName: string;
  readonly fields: F;
}

export function component<F extends Record<string, TSchema>>(
  name: string,
  schemaName: string,
  fields: F,
): Component<F> {
  return { name, schemaName, fields };
}

export type Part<C extends Component> = { readonly [Name in keyof C["fields"]]?: Static<C["fields"][Name]> };

/** A machine's parts of one sort. */
export function components<C extends Component>(part: C): Field & { readonly part: C } {
  const schema = Type.Array(Type.Object(part.fields));
  return { ...field("site", schema, { initial: [] }), group: "hardware", component: part, part };
}

/** Which REST operations a kind has and where. */
export interface Rest {
  /** Paths below `/v1/projects/{projectName}/`; the first is the canonical one. */
  readonly collections: readonly string[];
  /** The property of a list's answer that holds the resources. */
  readonly listKey: string;
  readonly operations: readonly ("list" | "create" | "get" | "put" | "patch" | "delete")[];
  /** Tag and names in the OpenAPI document. */
  readonly plural: string;
}

export interface Kind<F extends Record<string, Field> = Record<string, Field>> {
  /** Name of the table, of the feed rows and of the not-found text. */
  readonly name: string;
  /** What an id starts with: `host` in `host-0a1b2c3d`. */
  readonly prefix: string;
  /** Name of the OpenAPI component. */
  readonly schemaName: string;
  readonly fields: F;
  /** Older names of `resourceId` that clients still read. */
  readonly aliasIds: readonly string[];
  /** Who must know it: every site of the tenant, or only the site that manages the machine. */
  readonly feed: "tenant" | "machine";
  /**
   * The field that names a machine, or what follows one: the site that manages that manages this too, and is shown it instead
   * of every site of the tenant. A resource that names none is the tenant's.
   */
  readonly follows: string | undefined;
  /**
   * Whether operators may also make and change at a site, cut off or not, what follows a machine there. Machines they may; all
   * else is written at the hub alone.
   */
  readonly atSites: boolean;
  /**
   * `two-phase`: intent says DELETED, the site lets go, the row disappears. `retired`: nobody is offered it any more, and the
   * row disappears once no site can refer to it.
   */
  readonly deletion: "immediate" | "two-phase" | "retired";
  /** Sets of fields that no two resources of a tenant share; a set with an empty member does not count. */
  readonly unique: readonly (readonly string[])[];
  /** Fields that the API computes on read, with their schemas. */
  readonly derived: Record<string, TSchema>;
  readonly rest: Rest | undefined;
}

/** A kind's declaration: data that the store, the API and the feed read. */
export function kind<const F extends Record<string, Field>>(
  declaration: Pick<Kind, "name" | "prefix" | "schemaName"> & { readonly fields: F } & Partial<Omit<Kind, "fields">>,
): Kind<F> {
  return {
    aliasIds: [],
    feed: "tenant",
    follows: undefined,
    atSites: declaration.feed === "machine",
    deletion: "immediate",
    unique: [],
    derived: {},
    rest: undefined,
    ...declaration,
  };
}

/** Whether a site may manage resources of a kind: machines, and what follows them. */
export function isManaged(kind: Pick<Kind, "feed" | "follows">): boolean {
  return kind.feed === "machine" || kind.follows !== undefined;
}

/** Whether operators write nothing of a kind: whoever does what it tells of keeps it. */
export function isKept(kind: Pick<Kind, "fields">): boolean {
  return Object.values(kind.fields).every(({ owner }) => owner === "hub");
}

/** What a resource of a kind holds, by field name; what nobody knows is absent. */
export type FieldsOf<K extends Kind> = { readonly [Name in keyof K["fields"]]?: Static<K["fields"][Name]["schema"]> };

/** A resource as the store holds it: its fields and its bookkeeping. Times are milliseconds since the epoch. */
export type Resource<K extends Kind = Kind> = Bookkeeping & { readonly fields: FieldsOf<K> };

export interface Bookkeeping {
  readonly tenant: string;
  readonly resourceId: string;
  readonly createdAt: number;
  readonly updatedAt: number;
  /** Counts changes of intent. */
  readonly generation: number;
  /** By intent field: which write set it last. */
  readonly stamps: Readonly<Record<string, Readonly<Stamp>>>;
  /** Id of the creation: the same creation asked twice makes one resource. */
  readonly creation: string;
  /** Machines and what follows them: the site that manages it now, which may not be the one it is wanted at. */
  readonly owner?: string;
  /** Machines only: how far the site has got with `generation`. */
  readonly observedGeneration?: number;
  /** Machines only: when and by which site its observations were made. */
  readonly observedAt?: number;
  readonly observedBy?: string;
  /**
   * Machines only: by group of observations, and by field of those that somebody beside the site observes, who saw them and when
   * (milliseconds since the epoch; site's clock, or hub's).
   */
  readonly observedSources?: Readonly<Record<string, { readonly source: string; readonly at: number }>>;
  /** Machines only: observations that this version has no field for, as the last report had them. No API shows them. */
  readonly observedUnknown?: Readonly<Record<string, unknown>>;
  /** Kinds that are retired only: since when (milliseconds since the epoch, hub's clock); absent while it stands. */
  readonly retired?: number;
}

/** A string enumeration that the OpenAPI document names. */
export function enumeration<const Names extends readonly string[]>(title: string, names: Names) {
  return Type.Unsafe<Names[number]>({ title, type: "string", enum: [...names] });
}
