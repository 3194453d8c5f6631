import { isDeepStrictEqual } from "node:util";
import { parseOffset, writeOffset } from "@holdfast/hub/shapes/offset";
import { FEED_COLUMNS, parseShapeRequest, type Query, type ShapeRequest } from "@holdfast/hub/shapes/request";
import { mutateText } from "../mutate/text.ts";
import type { Random } from "../random.ts";
import { type Input, mustHold, type Target } from "../target.ts";

const NUMBER = ["0", "1", "7", "123456789012345", "1234567890123456", "-1", "00", "inf"] as const;
const SCOPES = [
  "site:site-0000000a",
  "tenant:11111111-1111-4111-8111-111111111111",
  "site:site-0000000A",
  "tenant:x",
  "site:tenant:site-0000000a",
  "",
] as const;
const HANDLE = "0123456789abcdef01234567-0123456789abcdef";

/** A query of a follower, most of them good; the handle and scopes of a real hub can be put in. */
export function shapeQuery(random: Random, { scopes = SCOPES, handles = [HANDLE] }: Known = {}): Record<string, Input> {
  const scope = random.chance(0.85) ? random.pick(scopes.slice(0, 2)) : random.pick(scopes);
  const quoted = scope.replaceAll("'", "''");
  const often = <T>(usual: readonly T[], others: readonly T[]): T => random.pick(random.chance(0.85) ? usual : others);
  const where = often<Part>(
    [
      { where: "scope = $1", "params[1]": scope },
      { where: '"scope"=$1', "params[1]": scope },
      { where: `scope = '${quoted}'` },
    ],
    [
      { where: ` scope='${quoted}' `, "params[1]": "unused" },
      { where: `scope = '${quoted}' or 1 = 1` },
      { where: "scope = $1" },
    ],
  );
  const live = often<Part>(
    [{}],
    [
      { live: "true", cursor: random.pick(NUMBER) },
      { live: "true", live_sse: "true" },
      { live: "false" },
      { experimental_live_sse: "true", live: "true" },
      { live_sse: "true" },
    ],
  );
  const start = often<Part>(
    [
      { offset: "-1" },
      { offset: "now" },
      { offset: "0_0", handle: random.pick(handles) },
      { offset: `${random.small(5)}_${random.small(3)}`, handle: random.pick(handles) },
    ],
    [{ offset: `${random.pick(NUMBER)}_${random.pick(NUMBER)}`, handle: random.pick(handles) }, { offset: "0_inf" }],
  );
  const more = often<Part>(
    [{}],
    [
      { columns: FEED_COLUMNS.join(",") },
      { columns: "scope" },
      { log: "full", replica: "full" },
      { log: "changes_only" },
      { subset__limit: "1" },
      { unknown: "1" },
    ],
  );
  const table = often(["feed"], ['"public"."feed"', "public.feed", "host"]);
  return { table, ...where, ...start, ...live, ...more };
}

type Part = Readonly<Record<string, string>>;

export interface Known {
  readonly scopes?: readonly string[];
  readonly handles?: readonly string[];
}

/** Some of a query's parameters changed, gone, or given twice. */
export function mutateQuery(random: Random, query: Record<string, Input>): Record<string, Input> {
  const entries = Object.entries(query);
  const [name, value] = random.pick(entries);
  const others = entries.filter(([other]) => other !== name);
  switch (random.below(4)) {
    case 0:
      return Object.fromEntries(others);
    case 1:
      return { ...query, [name]: [value, value] };
    case 2:
      return Object.fromEntries([...others, [mutateText(random, name), value]]);
    default:
      return {
        ...query,
        [name]: typeof value === "string" ? mutateText(random, value, [...NUMBER, ...SCOPES]) : value,
      };
  }
}

/** The query by which this request would be made. */
function queryOf({ scope, from, mode, cursor }: ShapeRequest): Query {
  const start =
    typeof from === "string"
      ? { offset: from === "now" ? "now" : "-1" }
      : { offset: writeOffset(from.offset), handle: from.handle };
  const live = mode === "catch-up" ? {} : { live: "true", ...(mode === "sse" ? { live_sse: "true" } : {}) };
  return { table: "feed", where: "scope = $1", "params[1]": scope, ...start, ...live, cursor: String(cursor) };
}

/** The query of `GET /v1/shape`, as the hub's server hands it over. */
export const SHAPE_QUERY: Target = {
  name: "shape-query",
  about: "the query of a follower is a request that can be written again, or errors by parameter",
  open: async () => ({
    generate(random) {
      const query = shapeQuery(random);
      return random.chance(0.4) ? mutateQuery(random, query) : query;
    },
    feed(input) {
      const { request, errors } = parseShapeRequest(input as Query);
      if (!request) {
        const said = Object.values(errors);
        mustHold(
          said.length > 0 && said.flat().every((each) => typeof each === "string"),
          "it is refused without a word",
        );
        return "refused";
      }
      const again = parseShapeRequest(queryOf(request));
      mustHold(isDeepStrictEqual(again.request, request), `written again it is ${JSON.stringify(again)}`);
      if (typeof request.from === "object") {
        const { offset } = request.from;
        mustHold(isDeepStrictEqual(parseOffset(writeOffset(offset)), offset), "its offset cannot be written");
      }
      return "accepted";
    },
  }),
};
