import { kindNamed } from "@holdfast/protocol";
import type { Api, Shown } from "./api.ts";
import { placeOf, type ServedKind } from "./kind-names.ts";

/** What a word may name: a kind, and the field by which people call its resources. */
export interface Nameable {
  readonly kind: ServedKind;
  readonly by: string;
  /** As a sentence calls it. */
  readonly called: string;
}

/** The resource that somebody means by its id or its name; otherwise a sentence that says why there is none. */
export async function lookUp(api: Api, { kind, by, called }: Nameable, word: string): Promise<Shown | string> {
  const place = placeOf(kind);
  for (const field of isIdOf(kind, word) ? ["resourceId"] : [by, "resourceId"]) {
    const { resources, total } = await api.list(place, { match: `${field}:${word}` }, 2);
    if (total > 1) return `${total} are called "${word}": tell the id`;
    if (resources[0]) return resources[0];
  }
  return `no ${called} is called "${word}"`;
}

/** Throws a TypeError for a kind that is not served: the name is written in a program. */
export function nameable(
  name: string,
  { by = "name", called = name }: { readonly by?: string; readonly called?: string },
): Nameable {
  const kind = kindNamed(name);
  if (!kind?.rest) throw new TypeError(`no kind ${name} is served`);
  return { kind: { ...kind, rest: kind.rest }, by, called };
}

function isIdOf({ prefix }: ServedKind, word: string): boolean {
  return new RegExp(`^${prefix}-[0-9a-f]{8}$`).test(word);
}
