import { KINDS, type Kind, type Rest } from "@holdfast/protocol";
import { UsageError } from "./faults.ts";

/** A kind that has resources in the API. */
export type ServedKind = Kind & { readonly rest: Rest };

export const SERVED: readonly ServedKind[] = KINDS.filter((kind): kind is ServedKind => kind.rest !== undefined);

/** What a kind is called in commands: `hosts` of many, `host` of one. */
export interface KindNames {
  readonly singular: string;
  readonly plural: string;
}

export function namesOf({ name }: Kind): KindNames {
  const singular = name.replaceAll("_", "-");
  return { singular, plural: singular.endsWith("y") ? `${singular.slice(0, -1)}ies` : `${singular}s` };
}

/**
 * The kind that somebody means: by either name, by that of its collection in the API (`os`, `localAccounts`) or by what its ids
 * begin with, in any case, with or without hyphens. Throws a UsageError that lists them all.
 */
export function kindCalled(word: string | undefined): ServedKind {
  const kind = word === undefined ? undefined : BY_WORD.get(plain(word));
  if (kind) return kind;
  const said = word === undefined ? "a kind is needed" : `no kind is called "${word}"`;
  throw new UsageError(`${said}: there are ${SERVED.map((each) => namesOf(each).plural).join(", ")}`);
}

/** Where a kind is in the API, below a project, and under which key its lists are. */
export function placeOf({ name, rest }: ServedKind): { readonly path: string; readonly key: string } {
  const [path] = rest.collections;
  if (path === undefined) throw new UsageError(`${name} has no place in the API`);
  return { path, key: rest.listKey };
}

const BY_WORD: ReadonlyMap<string, ServedKind> = new Map(
  SERVED.flatMap((kind) => wordsOf(kind).map((word) => [plain(word), kind] as const)),
);

function wordsOf(kind: ServedKind): string[] {
  const { singular, plural } = namesOf(kind);
  const collections = kind.rest.collections.map((path) => path.replace(/^compute\//, ""));
  const isAlone = KINDS.every(({ prefix, name }) => prefix !== kind.prefix || name === kind.name);
  return [singular, plural, ...collections.filter((path) => !path.includes("/")), ...(isAlone ? [kind.prefix] : [])];
}

function plain(word: string): string {
  return word.toLowerCase().replaceAll(/[-_]/g, "");
}
