import { EMBEDDED_KINDS, type Field, type Kind, kindNamed } from "@holdfast/protocol";
import { backReferencesOf } from "../store/back-references.ts";

/**
 * Moved by register, onboard, invalidate and delete, each with rules of its own: shown beside the other fields of a
 * resource and not written with them.
 */
const MOVED_BY_ACTIONS = new Set(["desiredState"]);

/** Whether a create, put or patch may write a field. */
export function isWritable(name: string, field: Field): boolean {
  return field.owner === "operator" && !field.readOnly && !MOVED_BY_ACTIONS.has(name);
}

/** Second names under which a resource is embedded. */
const EMBEDDED_AGAIN: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  workload_member: { member: "instanceId" },
};

type Embedding = readonly [name: string, field: string, reference: Reference];

const EMBEDDINGS = new Map<Kind, readonly Embedding[]>();

/** By the name under which a kind embeds other resources: the field with their ids. */
export function embeddingsOf(kind: Kind): readonly Embedding[] {
  let embeddings = EMBEDDINGS.get(kind);
  if (!embeddings) {
    embeddings = findEmbeddings(kind);
    EMBEDDINGS.set(kind, embeddings);
  }
  return embeddings;
}

function findEmbeddings(kind: Kind): readonly Embedding[] {
  const again = Object.entries(EMBEDDED_AGAIN[kind.name] ?? {});
  const own = Object.entries(kind.fields).flatMap(([field, { reference }]) =>
    reference ? [[reference.embedAs, field] as const] : [],
  );
  return [...own, ...again].flatMap(([name, field]) => {
    const reference = kind.fields[field]?.reference;
    return reference ? [[name, field, reference] as const] : [];
  });
}

type Reference = NonNullable<Field["reference"]>;

/** A kind by its name, also one that is only embedded. */
export function anyKindNamed(name: string): Kind {
  const kind = kindNamed(name) ?? EMBEDDED_KINDS.find((each) => each.name === name);
  if (!kind) throw new TypeError(`no kind is called ${name}`);
  return kind;
}

const EXTRAS = new Map<Kind, ReadonlySet<string>>();

/** Names that an answer holds beside the kind's fields. */
export function extrasOf(kind: Kind): ReadonlySet<string> {
  let extras = EXTRAS.get(kind);
  if (!extras) {
    extras = new Set([
      "resourceId",
      ...kind.aliasIds,
      ...Object.keys(kind.derived),
      ...embeddingsOf(kind).map(([name]) => name),
      ...backReferencesOf(kind).map(({ name }) => name),
      ...["timestamps", "generation", "observedGeneration", "observation", "misplaced", "openConflicts"],
    ]);
    EXTRAS.set(kind, extras);
  }
  return extras;
}
