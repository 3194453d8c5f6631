import { holds, type Row } from "./benchmark.ts";

export const HEADING = [
  "| name | what | ours | peer or limit | ratio | goal | |",
  "|---|---|---|---|---|---|---|",
] as const;

/** A number as people read it: three digits that mean something. */
export function figure(value: number): string {
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : Math.abs(value) >= 1 ? 2 : 3;
  return value.toLocaleString("en-US", { maximumFractionDigits: digits });
}

/** The row as a line of a Markdown table. */
export function lineOf(row: Row): string {
  const { name, what, unit, value, more, peer, peerValue, peerMore, ratio, goal } = row;
  const sign = goal?.direction === "at least" ? "≥" : "≤";
  const cells = [
    `\`${name}\``,
    what,
    [`${figure(value)} ${unit}`, ...(more === undefined ? [] : [more])].join("; "),
    [`${peer}: ${figure(peerValue)} ${unit}`, ...(peerMore === undefined ? [] : [peerMore])].join("; "),
    figure(ratio),
    goal === undefined ? "none" : `${sign} ${goal.bound}`,
    { true: "met", false: "**missed**", undefined: "–" }[`${holds(row)}`],
  ];
  return `| ${cells.join(" | ")} |`;
}

/** The row as `--json` has it. The goal bounds the ratio, from the side that `direction` says. */
export function jsonOf(row: Row): Record<string, unknown> {
  const { name, what, unit, value, more, peer, peerValue, peerMore, ratio, goal } = row;
  return {
    ...{ name, value, unit, peer, peerValue, ratio },
    goal: goal?.bound ?? null,
    direction: goal?.direction ?? null,
    holds: holds(row) ?? null,
    ...{ what, more: more ?? null, peerMore: peerMore ?? null },
  };
}
