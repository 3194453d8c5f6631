import { isDeepStrictEqual } from "node:util";
import { FilterError } from "@holdfast/inventory/api/filter/filter-error";
import { readFilter } from "@holdfast/inventory/api/filter/resolve";
import { membersOf } from "@holdfast/inventory/api/members";
import { readOrder } from "@holdfast/inventory/api/order";
import { READ_LIST_QUERY, readQuery } from "@holdfast/inventory/api/query";
import { KINDS, type Kind } from "@holdfast/protocol";
import { Fault } from "@holdfast/runtime";
import { babble, mutateText } from "../mutate/text.ts";
import type { Random } from "../random.ts";
import { mustHold, type Target } from "../target.ts";

const VALUES = [
  '"a"',
  "'b c'",
  '""',
  "null",
  "5",
  "-7",
  "true",
  "HOST_STATE_ONBOARDED",
  '"2026-11-23T08:00:00Z"',
  "a*b",
];
const COMPARATORS = ["=", "!=", "<", "<=", ">", ">=", " = "];
const GLUE = [
  " AND ",
  " OR ",
  "NOT ",
  "(",
  ")",
  "has(",
  " ",
  ".",
  "site.",
  "region.",
  "parent_region.",
  "host.",
  "hostNics.",
];

const NAMES = new Map<Kind, readonly string[]>();

function namesOf(kind: Kind): readonly string[] {
  const names = NAMES.get(kind) ?? [...membersOf(kind).keys()];
  NAMES.set(kind, names);
  return names;
}

/** A filter over a kind, most of them whole. */
export function filterText(random: Random, kind: Kind): string {
  const term = (depth: number): string => {
    if (depth > 0 && random.chance(0.3))
      return `(${term(depth - 1)}${random.pick([" AND ", " OR "])}${term(depth - 1)})`;
    if (depth > 0 && random.chance(0.15)) return `NOT ${term(depth - 1)}`;
    const path = `${random.chance(0.2) ? random.pick(["site.", "region.", "host.", "os.", "instance.", "hostNics."]) : ""}${random.pick(namesOf(kind))}`;
    return random.chance(0.15) ? `has(${path})` : `${path}${random.pick(COMPARATORS)}${random.pick(VALUES)}`;
  };
  const words = [...namesOf(kind).slice(0, 30), ...VALUES, ...COMPARATORS, ...GLUE];
  const filter = random.chance(0.15) ? babble(random, words, 20) : term(random.below(4));
  return random.chance(0.4) ? mutateText(random, filter, words) : filter;
}

export function orderText(random: Random, kind: Kind): string {
  const part = () => `${random.pick(namesOf(kind))}${random.pick(["", " asc", " desc", " up", "  desc "])}`;
  const order = Array.from({ length: 1 + random.below(3) }, part).join(random.pick([",", ", ", ",,"]));
  return random.chance(0.4) ? mutateText(random, order, [...namesOf(kind), ",", " desc"]) : order;
}

export function pageText(random: Random): string {
  return random.pick([
    "0",
    "1",
    "20",
    "100",
    "101",
    "10000",
    "10001",
    "-1",
    "1.5",
    "0x10",
    "",
    "999999999999999",
    "1e2",
    " 1",
  ]);
}

/** How lists are narrowed, ordered and cut into pages. */
export const FILTERS: Target = {
  name: "filters",
  about: "a filter, an order and a page are read the same each time, or are an InvalidArgument that says where",
  open: async () => ({
    generate(random) {
      const kind = random.pick(KINDS);
      return {
        kind: kind.name,
        filter: filterText(random, kind),
        orderBy: orderText(random, kind),
        pageSize: pageText(random),
        offset: random.chance(0.95) ? pageText(random) : [pageText(random), pageText(random)],
      };
    },
    feed(input) {
      const { kind: name, ...query } = input as Readonly<Record<"kind" | "filter" | "orderBy" | "pageSize", string>>;
      const kind = KINDS.find((each) => each.name === name);
      mustHold(kind !== undefined, "there is no such kind");
      const readings = [
        () => readFilter(kind, query.filter),
        () => readOrder(kind, query.orderBy),
        () => readQuery(READ_LIST_QUERY, query),
      ];
      const accepted = readings.map((read) => isReadTheSame(read));
      return accepted[0] ? "accepted" : "refused";
    },
  }),
};

/** Whether it is accepted. */
function isReadTheSame(read: () => unknown): boolean {
  try {
    const first = read();
    mustHold(isDeepStrictEqual(read(), first), "it is read otherwise the second time");
    return true;
  } catch (error) {
    if (error instanceof FilterError) mustHold(error.position >= 1 && error.position <= 1_001, "its place is nowhere");
    if (error instanceof Fault && error.code === "InvalidArgument") return false;
    throw error;
  }
}
