import type { Input } from "./target.ts";

/** An input as one line of JSON; bytes as `{"$bytes": base64}`. */
export function writeInput(input: Input): string {
  return JSON.stringify(input, (_, value: unknown) =>
    value instanceof Uint8Array ? { $bytes: Buffer.from(value).toString("base64") } : value,
  );
}

/** The input of such a line. */
export function readInput(text: string): Input {
  return JSON.parse(text, (_, value: unknown) => {
    const bytes = value !== null && typeof value === "object" && "$bytes" in value ? value.$bytes : undefined;
    return typeof bytes === "string" ? new Uint8Array(Buffer.from(bytes, "base64")) : value;
  }) as Input;
}
