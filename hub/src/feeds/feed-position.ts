import type { View } from "@holdfast/inventory";

/** The inventory's own counter, in which the feed's numbers are kept. */
interface SequenceTable {
  readonly sequence: { readonly name: string; readonly value: number };
}

/** How far the feeds have got, all scopes together: no row of any has a higher number. 0 before the first. */
export async function feedPosition(view: Pick<View, "tables">): Promise<number> {
  const row = await view
    .tables<SequenceTable>()
    .selectFrom("sequence")
    .select("value")
    .where("name", "=", "feed")
    .executeTakeFirst();
  return Number(row?.value ?? 0);
}
