import fc from "fast-check";
import { expect, test } from "vitest";
import { literalPrefix, matchesFilter } from "../topic-filter.ts";
import { SubscriptionIndex } from "./subscription-index.ts";

// MQTT 3.1.1 §4.7, with the standard's own examples.
test.each([
  ["sport/tennis/player1/#", "sport/tennis/player1", true],
  ["sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon", true],
  ["sport/#", "sport", true],
  ["sport/tennis/+", "sport/tennis/player1", true],
  ["sport/tennis/+", "sport/tennis/player1/ranking", false],
  ["sport/+", "sport", false],
  ["sport/+", "sport/", true],
  ["+/+", "/finance", true],
  ["/+", "/finance", true],
  ["+", "/finance", false],
  ["#", "$SYS/x", false],
  ["+/monitor/Clients", "$SYS/monitor/Clients", false],
  ["$SYS/#", "$SYS/x", true],
  ["ACCOUNTS", "Accounts", false],
])("%s matches %s: %s", (filter, topic, matches) => {
  expect(matchesFilter(filter, topic)).toBe(matches);
});

const level = fc.constantFrom("a", "b", "", "$x");
const topics = fc.array(level, { minLength: 1, maxLength: 4 }).map((levels) => levels.join("/"));
const filters = fc
  .tuple(fc.array(fc.oneof(level, fc.constant("+")), { minLength: 1, maxLength: 4 }), fc.boolean())
  .map(([levels, all]) => (all ? [...levels, "#"] : levels).join("/"));

test("the index finds exactly the filters that match, after any additions and removals", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(filters, fc.boolean()), { maxLength: 20 }), topics, (steps, topic) => {
      const index = new SubscriptionIndex();
      const expected = new Set<string>();
      for (const [filter, add] of steps) {
        if (add) {
          index.set({ clientId: "c", topic: filter, qos: 1 });
          expected.add(filter);
        } else {
          index.delete("c", filter);
          expected.delete(filter);
        }
      }
      expect(index.size).toBe(expected.size);
      const found = index.matching(topic).map((subscription) => subscription.topic);
      expect(found.sort()).toEqual([...expected].filter((filter) => matchesFilter(filter, topic)).sort());
    }),
  );
});

test("whatever a filter matches begins with its literal prefix", () => {
  fc.assert(
    fc.property(filters, topics, (filter, topic) => {
      if (matchesFilter(filter, topic)) expect(topic.startsWith(literalPrefix(filter))).toBe(true);
    }),
  );
});
