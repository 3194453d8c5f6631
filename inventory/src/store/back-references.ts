import { KINDS, type Kind } from "@holdfast/protocol";

/** A resource shows what refers to it: a host its instance. Not where it is itself embedded, or there would be no end. */
export interface BackReference {
  readonly name: string;
  readonly from: string;
  readonly by: string;
  readonly many: boolean;
}

const NONE: readonly BackReference[] = [];

const BY_KIND = findBackReferences();

/** What refers to resources of a kind and is shown with them, and asked about through them. */
export function backReferencesOf(kind: Kind): readonly BackReference[] {
  return BY_KIND.get(kind.name) ?? NONE;
}

function findBackReferences(): ReadonlyMap<string, readonly BackReference[]> {
  const found = new Map<string, BackReference[]>();
  for (const { name: from, fields } of KINDS) {
    for (const [by, { reference }] of Object.entries(fields)) {
      if (!reference?.shownThere) continue;
      const { as: name, many } = reference.shownThere;
      found.set(reference.kind, [...(found.get(reference.kind) ?? []), { name, from, by, many }]);
    }
  }
  return found;
}
