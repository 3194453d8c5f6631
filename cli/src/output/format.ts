import { stringify } from "yaml";
import { UsageError } from "../faults.ts";

/** The option by which one says how an answer is shown. */
export const OUTPUT_OPTION = {
  output: { short: "o", value: "FORMAT", says: "table, json or yaml [table]" },
} as const;

export type Format = "table" | "json" | "yaml";

/** Throws a UsageError naming the formats. */
export function formatCalled(word = "table"): Format {
  if (word === "table" || word === "json" || word === "yaml") return word;
  throw new UsageError(`--output: "${word}" is none of table, json and yaml`);
}

/** A value as JSON or YAML, as it came, or by `table` for people. */
export function formatted(format: Format, value: unknown, table: () => string): string {
  switch (format) {
    case "table":
      return table();
    case "json":
      return `${JSON.stringify(value, undefined, 2)}\n`;
    case "yaml":
      // Anchors would be right and nobody expects them.
      return stringify(value, { aliasDuplicateObjects: false, lineWidth: 0 });
  }
}
