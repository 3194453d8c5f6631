import { hash } from "node:crypto";
import type { Kind } from "@holdfast/protocol";
import type { Condition } from "../store/condition.ts";
import type { Position } from "../store/position.ts";
import { refusal } from "./body/check-value.ts";
import { readFilter, readMatch } from "./filter/resolve.ts";
import { LONGEST_TOKEN, type QueryValues } from "./query.ts";

/** What a list is narrowed to by its query, and further by a condition; undefined for all. Throws InvalidArgument. */
export function conditionOf(kind: Kind, { filter, match }: QueryValues, narrowed?: Condition): Condition | undefined {
  const conditions = [
    ...(typeof filter === "string" ? [readFilter(kind, filter)] : []),
    ...(Array.isArray(match) ? match.map((each) => readMatch(kind, String(each))) : []),
    ...(narrowed ? [narrowed] : []),
  ];
  return conditions.length > 0 ? { is: "and", of: conditions } : undefined;
}

/** Where a page begins, and how to ask for the one after it. */
export interface Paging {
  readonly after: Position | undefined;
  /** Undefined for a position that is too long to be sent along. */
  tokenFor(position: Position): string | undefined;
}

/** By name, a digest of each part of a query that decides what a list holds and in which order. */
type Bound = Readonly<Record<string, string>>;

/**
 * How a list is paged. A token goes on in the list for which it was given: throws InvalidArgument naming `pageToken` and the
 * parameter that is another one.
 */
export function pagingOf(
  kind: Kind,
  { project, query }: { readonly project: string; readonly query: QueryValues },
  narrowed?: Condition,
): Paging {
  const { filter, match, orderBy, offset, pageToken } = query;
  const bound: Bound = Object.fromEntries(
    Object.entries({ list: [kind.name, project, narrowed], filter, match, orderBy }).map(([name, value]) => [
      name,
      hash("sha1", JSON.stringify(value ?? null), "base64url").slice(0, 8),
    ]),
  );
  if (typeof pageToken === "string" && offset !== undefined && offset !== 0) {
    throw refusal("offset", "must be 0 with a pageToken, which says itself where the page begins");
  }
  return {
    after: typeof pageToken === "string" ? readToken(pageToken, bound) : undefined,
    tokenFor({ values, id }) {
      const token = Buffer.from(JSON.stringify([bound, id, values])).toString("base64url");
      return token.length <= LONGEST_TOKEN ? token : undefined;
    },
  };
}

function readToken(token: string, bound: Bound): Position {
  const [given, id, values] = parsed(token);
  for (const [name, digest] of Object.entries(bound)) {
    if (given[name] !== digest) throw refusal("pageToken", `was given for another ${name}`);
  }
  return { id, values };
}

type Parsed = readonly [bound: Readonly<Record<string, unknown>>, id: string, values: Position["values"]];

function parsed(token: string): Parsed {
  let content: unknown;
  try {
    content = JSON.parse(Buffer.from(token, "base64url").toString());
  } catch {
    throw refusal("pageToken", "is none that was given here");
  }
  if (!isToken(content)) throw refusal("pageToken", "is none that was given here");
  return content;
}

function isToken(content: unknown): content is Parsed {
  if (!Array.isArray(content) || content.length !== 3) return false;
  const [bound, id, values] = content as readonly unknown[];
  if (typeof bound !== "object" || bound === null || typeof id !== "string" || !Array.isArray(values)) return false;
  return values.every((each) => each === null || typeof each === "string" || typeof each === "number");
}
