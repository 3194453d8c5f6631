import type { Input } from "./target.ts";

/** An input as one line of JSON; bytes as `{"$bytes": base64}`. */
export function writeInput(input: Input): string {
  // What the second argument of the function is, a Buffer has made of itself already.
  return JSON.stringify(input, function (this: Record<string, unknown>, name: string, value: unknown) {
    const given = this[name];
    return given instanceof Uint8Array ? { $bytes: Buffer.from(given).toString("base64") } : value;
  });
}

/** The input of such a line. */
export function readInput(text: string): Input {
  return JSON.parse(text, (_, value: unknown) => {
    const bytes = value !== null && typeof value === "object" && "$bytes" in value ? value.$bytes : undefined;
    return typeof bytes === "string" ? new Uint8Array(Buffer.from(bytes, "base64")) : value;
  }) as Input;
}
