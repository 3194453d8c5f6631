/**
 * The one text of a JSON value (RFC 8785): members in the order of their names' UTF-16 code units, nothing between. What
 * JSON leaves out is left out here too.
 */
export function canonicalJson(value: unknown): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  const members: string[] = [];
  const known = value as Readonly<Record<string, unknown>>;
  for (const name of Object.keys(known).sort()) {
    if (known[name] !== undefined) members.push(`${JSON.stringify(name)}:${canonicalJson(known[name])}`);
  }
  return `{${members.join(",")}}`;
}
