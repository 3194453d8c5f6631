import type { Shown } from "../api.ts";
import type { Columns } from "./columns.ts";

/** Rows below a heading, each column as wide as what is in it; empty cells are a dash. Ends with a line feed. */
export function table(columns: Columns, resources: readonly Shown[]): string {
  const rows = resources.map((resource) => Object.values(columns).map((show) => show(resource)));
  const all = [Object.keys(columns), ...rows];
  const widths = widened([], all);
  return all.map((row) => line(row, widths)).join("");
}

/** Lines of a table that is not whole yet: the first comes with the heading, and columns become wider when they must. */
export function growingTable(heading: readonly string[]): (row: readonly string[]) => string {
  let widths = widened([], [heading]);
  let isBegun = false;
  return (row) => {
    widths = widened(widths, [row]);
    const above = isBegun ? "" : line(heading, widths);
    isBegun = true;
    return above + line(row, widths);
  };
}

function widened(widths: readonly number[], rows: readonly (readonly string[])[]): number[] {
  const [first = []] = rows;
  return first.map((_, at) => Math.max(widths[at] ?? 0, ...rows.map((row) => row[at]?.length ?? 0)));
}

function line(row: readonly string[], widths: readonly number[]): string {
  const cells = row.map((text, at) => (text || "-").padEnd(widths[at] ?? 0));
  return `${cells.join("  ").trimEnd()}\n`;
}
