import { expect, test } from "vitest";
import { FEED_COLUMNS, parseShapeRequest, type Query } from "./request.ts";

const WHOLE: Query = { table: "feed", where: "scope = 'site:site-0000000a'", offset: "-1" };

const wrong = (more: Query) => Object.keys(parseShapeRequest({ ...WHOLE, ...more }).errors ?? {});

test("a parameter that is given more than once is refused by its name, whichever it is", () => {
  for (const name of [
    "table",
    "columns",
    "where",
    "params[1]",
    "offset",
    "handle",
    "live",
    "cursor",
    "log",
    "replica",
  ]) {
    expect(wrong({ [name]: ["feed", "feed"] }), name).toContain(name);
  }
});

test("all columns may be named, in any order and quoted, and neither fewer nor others", () => {
  expect(wrong({ columns: [...FEED_COLUMNS].reverse().join(",") })).toEqual([]);
  expect(wrong({ columns: FEED_COLUMNS.map((name) => ` "${name}"`).join(",") })).toEqual([]);
  const [first, ...rest] = FEED_COLUMNS;
  for (const columns of [
    first,
    rest.join(","),
    [...rest, "secret"].join(","),
    `${FEED_COLUMNS.join(",")},secret`,
    "",
  ]) {
    expect(wrong({ columns }), columns).toEqual(["columns"]);
  }
});

test("only what is kept whole is served: the full log, of a shape that is no subset", () => {
  expect(wrong({ log: "full", replica: "default" })).toEqual([]);
  expect(wrong({ log: "changes_only" })).toEqual(["log"]);
  expect(wrong({ replica: "half" })).toEqual(["replica"]);
  expect(wrong({ subset__limit: "1" })).toEqual(["subset__limit"]);
});
