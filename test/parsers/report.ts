import type { Result } from "./fuzz.ts";

const WIDTHS = [16, 8, 9, 9, 6, 12, 10, 8, 6] as const;

function row(cells: readonly string[]): string {
  return cells.map((cell, at) => (at === 0 ? cell.padEnd(WIDTHS[at] ?? 0) : cell.padStart(WIDTHS[at] ?? 0))).join(" ");
}

export const HEADING = row([
  "parser",
  "inputs",
  "accepted",
  "refused",
  "kept",
  "longest ms",
  "growth MB",
  "seed",
  "cpu s",
]);

/** A target's line of the table. */
export function lineOf(target: string, result: Result, seed: number): string {
  if (result.is === "failed") return `${target.padEnd(WIDTHS[0])}   FAILED, see below`;
  const { inputs, accepted, refused, kept, longest, growth, processor } = result.tally;
  const cells = [
    inputs,
    accepted,
    refused,
    kept,
    longest.milliseconds.toFixed(1),
    (growth / 1024 / 1024).toFixed(1),
    seed,
  ];
  return row([target, ...cells.map(String), processor.toFixed(1)]);
}

const SHOWN = 2_000;

/** What failed, how to see it again, and the least that fails. */
export function storyOf(target: string, failed: Extract<Result, { is: "failed" }>, seed: number): string {
  const { at, why, input, shrunk } = failed;
  const again = `npm run fuzz:parsers -- --only ${target} --seed ${seed}`;
  const alone = at.is === "input" && shrunk !== undefined;
  const replay =
    at.is === "input" ? (alone ? `${again} --input ${at.number}` : `${again} --inputs ${at.number + 1}`) : `${again}`;
  const where = "number" in at ? `${at.is} ${at.number}` : at.is;
  return [
    `${target} FAILED at ${where}: ${why}`,
    `  replay: ${replay}`,
    ...(input === undefined ? [] : [`  input:  ${cut(input)}`]),
    ...(shrunk === undefined ? [] : [`  least:  ${cut(shrunk)}`]),
    ...(shrunk === undefined
      ? []
      : [`  once it is mended, keep the least as a line of test/parsers/kept/${target}.jsonl`]),
  ].join("\n");
}

function cut(text: string): string {
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}… (${text.length} characters)` : text;
}
