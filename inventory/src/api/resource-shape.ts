import { type Field, type Kind, kindNamed } from "@holdfast/protocol";
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

/** Second names after all the first. */
function findEmbeddings(kind: Kind): readonly Embedding[] {
  const named = (nameOf: (reference: Reference) => string | undefined) =>
    Object.entries(kind.fields).flatMap(([field, { reference }]) => {
      const name = reference && nameOf(reference);
      return reference && name !== undefined ? [[name, field, reference] as const] : [];
    });
  return [...named(({ embedAs }) => embedAs), ...named(({ alsoAs }) => alsoAs)];
}

export type Reference = NonNullable<Field["reference"]>;

/** A kind by its name, which a declaration gives. */
export function declaredKind(name: string): Kind {
  const kind = kindNamed(name);
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
