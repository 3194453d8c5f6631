import { expect, test } from "vitest";
import { familyText, labelsText, processMetrics } from "./metrics.ts";

test("a family is its help, its type and its samples, in the words of the text format", () => {
  const samples = [
    { value: 1.5 },
    { labels: { le: "+Inf" }, series: "_bucket" as const, value: Number.POSITIVE_INFINITY },
  ];
  expect(familyText({ name: "a_seconds", help: "One\nand \\ two.", type: "histogram", samples })).toBe(
    '# HELP a_seconds One\\nand \\\\ two.\n# TYPE a_seconds histogram\na_seconds 1.5\na_seconds_bucket{le="+Inf"} +Inf\n',
  );
});

test("whatever somebody called something stays between its quotes", () => {
  expect(labelsText({ name: 'a"b\\c\nd} 1', other: "ø\r" })).toBe('{name="a\\"b\\\\c\\nd} 1",other="ø\r"}');
  expect(labelsText({})).toBe("");
});

test("a process says what it uses", () => {
  const values = processMetrics().map(({ name, samples }) => [name, samples[0]?.value ?? 0] as const);
  for (const [name, value] of values) expect(value, name).toBeGreaterThan(0);
});
