/** Names that were asked for before; a filter may name anything, so there is an end to it. */
const KNOWN = new Map<string, string>();
const KEPT = 2_000;

/** `hostID` and `hostId` are `host_id`: the name of a column, and the other name of a field in filters and masks. */
export function snakeCase(name: string): string {
  const known = KNOWN.get(name);
  if (known !== undefined) return known;
  const snake = name.replace(/([a-z0-9])([A-Z])/g, "$1_$2").toLowerCase();
  if (KNOWN.size < KEPT) KNOWN.set(name, snake);
  return snake;
}
