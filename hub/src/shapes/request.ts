import { FEED_TABLE, type FeedScope, isSiteId, siteScope, tenantScope } from "@holdfast/protocol";
import { type Offset, parseOffset } from "./offset.ts";

/** What a follower asks for, once its query has been understood. */
export interface ShapeRequest {
  readonly scope: FeedScope;
  /** From the beginning, from now on, or on from an offset of a handle. */
  readonly from: "beginning" | "now" | { readonly handle: string; readonly offset: Offset };
  /** Whether to answer at once, to hold the request until something changes, or to stream. */
  readonly mode: "catch-up" | "long-poll" | "sse";
  /** The cursor of the last live answer; 0 when there was none. */
  readonly cursor: number;
}

/** What is wrong, by parameter, as the protocol's 400 says it. */
export type ShapeErrors = Readonly<Record<string, readonly string[]>>;

export type ParsedShape =
  | { readonly request: ShapeRequest; readonly errors?: undefined }
  | { readonly request?: undefined; readonly errors: ShapeErrors };

export type Query = Readonly<Record<string, string | readonly string[] | undefined>>;

export const FEED_COLUMNS = ["scope", "seq", "kind", "id", "body"] as const;

const TABLE_NAMES = new Set([FEED_TABLE, `public.${FEED_TABLE}`]);

/** Reads the query of `GET /v1/shape`. Parameters that only a client's own caching needs are passed over. */
export function parseShapeRequest(query: Query): ParsedShape {
  const errors: Record<string, string[]> = {};
  const refuse = (name: string, why: string) => {
    errors[name] = [why];
  };
  for (const [name, value] of Object.entries(query)) {
    if (typeof value !== "string") refuse(name, "is given more than once");
    else if (name.startsWith("subset__")) refuse(name, "is not served here: a shape is followed whole");
  }
  const get = (name: string): string | undefined => {
    const value = query[name];
    return typeof value === "string" ? value : undefined;
  };

  const table = get("table");
  if (table === undefined) refuse("table", "can't be blank");
  else if (!TABLE_NAMES.has(table.replaceAll('"', ""))) refuse("table", `only "${FEED_TABLE}" is served`);

  const columns = get("columns");
  if (columns !== undefined && !isEveryColumn(columns)) refuse("columns", `only all of ${FEED_COLUMNS} are served`);
  if (!["full", undefined].includes(get("log"))) refuse("log", "only full is served");
  if (!["default", "full", undefined].includes(get("replica"))) refuse("replica", "is neither default nor full");

  const scope = scopeOf(get("where"), get("params[1]"));
  if (typeof scope === "object") refuse(scope.parameter, scope.why);

  const from = startOf(get("offset"), get("handle"));
  if (typeof from === "object" && "parameter" in from) refuse(from.parameter, from.why);

  const live = get("live") === "true";
  const sse = get("live_sse") === "true" || get("experimental_live_sse") === "true";
  if (live && typeof from === "string") refuse("live", `cannot be true when offset is ${get("offset")}`);
  if (sse && !live) refuse("live_sse", "can't be true unless live is also true");

  if (
    Object.keys(errors).length > 0 ||
    typeof scope === "object" ||
    (typeof from === "object" && "parameter" in from)
  ) {
    return { errors };
  }
  const mode = live ? (sse ? "sse" : "long-poll") : "catch-up";
  const cursor = Number(get("cursor") ?? 0);
  return { request: { scope, from, mode, cursor: Number.isSafeInteger(cursor) ? cursor : 0 } };
}

interface Refusal {
  readonly parameter: string;
  readonly why: string;
}

/** The one condition that is served: `scope = $1` with its parameter, or `scope = 'literal'`. */
function scopeOf(where: string | undefined, parameter: string | undefined): FeedScope | Refusal {
  if (where === undefined) return { parameter: "where", why: "can't be blank: a shape is one scope" };
  const match = /^\s*(?:scope|"scope")\s*=\s*(?:\$1|'((?:[^']|'')*)')\s*$/.exec(where);
  if (!match) return { parameter: "where", why: "only scope = $1 or scope = 'a scope' is served" };
  const literal = match[1]?.replaceAll("''", "'");
  if (literal === undefined && parameter === undefined) return { parameter: "params", why: "$1 has no value" };
  const scope = parseScope(literal ?? parameter ?? "");
  return scope ?? { parameter: literal === undefined ? "params" : "where", why: "names no scope" };
}

function parseScope(text: string): FeedScope | undefined {
  const name = text.slice(text.indexOf(":") + 1);
  if (text === siteScope(name) && isSiteId(name)) return siteScope(name);
  if (text === tenantScope(name) && /^[0-9a-f-]{36}$/.test(name)) return tenantScope(name);
  return undefined;
}

function startOf(offset: string | undefined, handle: string | undefined): ShapeRequest["from"] | Refusal {
  if (offset === undefined) return { parameter: "offset", why: "can't be blank" };
  if (offset === "-1") return "beginning";
  if (offset === "now") return "now";
  const parsed = parseOffset(offset);
  if (!parsed) return { parameter: "offset", why: "has invalid format" };
  if (handle === undefined) return { parameter: "handle", why: "can't be blank when offset != -1" };
  return { handle, offset: parsed };
}

function isEveryColumn(columns: string): boolean {
  const named = new Set(columns.split(",").map((column) => column.trim().replaceAll('"', "")));
  return named.size === FEED_COLUMNS.length && FEED_COLUMNS.every((column) => named.has(column));
}
