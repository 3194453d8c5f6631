import type { Shown } from "../api.ts";

/** A value on one line of a table: nothing in it moves the cursor of whoever reads it. Empty for what is not there. */
export function cell(value: unknown): string {
  if (value === undefined || value === null) return "";
  if (Array.isArray(value)) return value.map(cell).filter(Boolean).join(",");
  if (typeof value === "object") return nameOf(value as Shown);
  return String(value).replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "�");
}

/** What people call a resource: its name, or its id when it has none. */
export function nameOf(resource: Shown | null | undefined): string {
  return cell(resource?.name || resource?.username || resource?.resourceId);
}

/** `on` of `POWER_STATE_ON`; empty for what is unspecified. */
export function state(value: unknown, prefix: string): string {
  const text = cell(value);
  const bare = text.startsWith(prefix) ? text.slice(prefix.length) : text;
  return bare === "UNSPECIFIED" ? "" : bare.toLowerCase().replaceAll("_", "-");
}

/** How long ago, in the largest unit that fits: `40s`, `12m`, `5h`, `3d`. */
export function age(seconds: number): string {
  const units = [
    [86_400, "d"],
    [3_600, "h"],
    [60, "m"],
  ] as const;
  const [size, letter] = units.find(([each]) => seconds >= each) ?? [1, "s"];
  return `${Math.max(0, Math.floor(seconds / size))}${letter}`;
}

/** A time of the API that counts seconds, as people write times; empty for none. */
export function time(seconds: unknown): string {
  if (typeof seconds !== "number" || seconds === 0) return "";
  return new Date(seconds * 1000).toISOString().replace(".000", "");
}
