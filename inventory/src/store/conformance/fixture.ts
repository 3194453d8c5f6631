import { isManaged, KINDS, type Kind, kindNamed, type Resource } from "@holdfast/protocol";
import { onTestFinished } from "vitest";
import type { Store } from "../contract.ts";
import { tableOf } from "../table.ts";

/** A place for one store, which may be opened again after it was closed. */
export interface Place {
  open(): Promise<Store>;
}

export type NewPlace = () => Place;

export const TENANT = "11111111-1111-4111-8111-111111111111";
export const OTHER = "22222222-2222-4222-8222-222222222222";

/** A store with two tenants, closed after the test. */
export async function openWithTenants(newPlace: NewPlace): Promise<Store> {
  const store = await newPlace().open();
  onTestFinished(() => store.close());
  await store.write(async (transaction) => {
    await transaction.insertTenant({ id: TENANT, name: "first" });
    await transaction.insertTenant({ id: OTHER, name: "second" });
  });
  return store;
}

type Fields = Readonly<Record<string, unknown>>;

/** A resource with plain bookkeeping. */
export function resource(kind: Kind, id: string, fields: Fields = {}, more: Partial<Resource> = {}): Resource {
  return {
    tenant: TENANT,
    resourceId: `${kind.prefix}-${id}`,
    createdAt: 1_000,
    updatedAt: 2_000,
    generation: 1,
    stamps: {},
    creation: `creation-${id}`,
    ...more,
    fields,
  };
}

export function insert(store: Store, kind: Kind, made: Resource): Promise<void> {
  return store.write((transaction) => transaction.insert(kind, made));
}

/** One resource of every kind with a value in every field and bookkeeping column, made from the declarations. */
export function fullResources(round: number): { kind: Kind; full: Resource }[] {
  return KINDS.map((kind) => {
    const fields: Record<string, unknown> = {};
    for (const [name, field] of Object.entries(kind.fields)) {
      fields[name] = field.component
        ? [0, 1].map((at) => partValues(kind, name, round + at))
        : sampleOf(kind, name, round);
    }
    const site = `site-0000000${round}`;
    const machine = {
      ...{ observedGeneration: round, observedAt: 1_700_000_000_000, observedBy: site },
      observedSources: { hardware: { source: "agent", at: 1_700_000_000_000 + round } },
      observedUnknown: { tpm: { version: `2.${round}` }, 'a "quoted" name': [round, null, "é"] },
    };
    const full = resource(kind, `0000000${round}`, fields, {
      createdAt: 1_700_000_000_000 + round,
      updatedAt: 1_700_000_000_500 + round,
      generation: round + 3,
      stamps: { name: { id: `write-${round}`, epoch: "epoch", generation: round } },
      ...(isManaged(kind) ? { owner: site } : {}),
      ...(kind.feed === "machine" ? machine : {}),
      ...(kind.deletion === "retired" ? { retired: 1_700_000_000_900 + round } : {}),
    });
    return { kind, full };
  });
}

function sampleOf(kind: Kind, name: string, round: number): unknown {
  const reference = kind.fields[name]?.reference;
  if (reference) {
    // A region of one round hangs below nothing: what it would refer to is itself.
    if (reference.kind === kind.name) return undefined;
    const id = `${kindNamed(reference.kind)?.prefix ?? reference.kind}-0000000${round}`;
    return reference.many ? [id] : id;
  }
  return typedValue(kind.fields[name]?.schema ?? {}, `${name} ${round}`, round);
}

function partValues(kind: Kind, field: string, round: number): Record<string, unknown> {
  const component = kind.fields[field]?.component;
  const part = tableOf(kind).parts.find((each) => each.field === field);
  if (!component || !part) throw new TypeError(`${field} is no component`);
  return Object.fromEntries(
    part.columns.map((column) => [
      column.field,
      typedValue(component.fields[column.field] ?? {}, `${column.field} ${round}`, round),
    ]),
  );
}

/** A value of the schema's type: the store looks no further. */
function typedValue(schema: object, text: string, round: number): unknown {
  const { type, format } = schema as { type?: string; format?: string };
  if (type === "integer") return 4_294_967_000 + round;
  if (type === "boolean") return round % 2 === 0;
  if (type === "array") return [{ key: text, value: 'quoted "é" \\ %' }, "plain"];
  if (type === "object") return { nested: { of: text } };
  // Beyond 2^53: a driver's number would lose the last digit.
  return format === "uint64" ? `900719925474099${3 + round}` : `${text} 'quoted' "é" %_\\`;
}
