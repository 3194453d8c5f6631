import type { Input } from "../target.ts";

/** What stands in an input for what is known only when a program runs: `{host}` is the id of its host. */
export type Names = Readonly<Record<string, string | number>>;

/** An input with the real names in the place of what stands for them, in texts and in the names of fields. */
export function filled(input: Input, names: Names): Input {
  if (typeof input === "string") return filledText(input, names);
  if (Array.isArray(input)) return input.map((part) => filled(part, names));
  if (input === null || typeof input !== "object" || input instanceof Uint8Array) return input;
  return Object.fromEntries(
    Object.entries(input).map(([name, part]) => [String(filledText(name, names)), filled(part, names)]),
  );
}

/** A text that is nothing but `{name}` becomes a number where the name is one of a number. */
function filledText(text: string, names: Names): string | number {
  const whole = /^\{(\w+)\}$/.exec(text)?.[1];
  const number = whole !== undefined && Object.hasOwn(names, whole) ? names[whole] : undefined;
  if (typeof number === "number") return number;
  return text.replaceAll(/\{(\w+)\}/g, (as, name: string) => (Object.hasOwn(names, name) ? String(names[name]) : as));
}
