import type { Authority, Transaction, View } from "@holdfast/inventory";
import { isLentElsewhere } from "@holdfast/inventory/authority/ids";
import type { IdBlock, Stream } from "@holdfast/protocol";
import type { HubTables } from "../tables.ts";

/** A site that has been lent so many wants more than any site makes, and would use up what there is for all. */
export const LENT_MOST = 0x2_0000;

/** Lends a site a block of ids, and remembers whose it is. Nothing more to one that has had more than enough. */
export async function lendIdsTo(
  transaction: Transaction,
  authority: Pick<Authority, "lendIds">,
  { site, stream, count }: { site: string; stream: Stream; count: number },
): Promise<IdBlock | undefined> {
  const { lent } = await transaction
    .tables<HubTables>()
    .selectFrom("id_block")
    .select((select) => select.fn.sum<number | null>("count").as("lent"))
    .where("site", "=", site)
    .executeTakeFirstOrThrow();
  if (Number(lent ?? 0) + count > LENT_MOST) return undefined;
  const block = await authority.lendIds(transaction, count);
  await transaction
    .tables<HubTables>()
    .insertInto("id_block")
    .values({ ...block, site, ...stream })
    .execute();
  return block;
}

/**
 * Whether an id is out of a block that this site was lent, in this life or an earlier one. A hub that has lost history may have
 * forgotten a block: what it cannot have lent in this life it then takes the site's word for.
 */
export async function isLentTo(transaction: Transaction, site: string, id: string): Promise<boolean> {
  const number = Number.parseInt(id.slice(id.lastIndexOf("-") + 1), 16);
  if (!Number.isSafeInteger(number)) return false;
  const block = await transaction
    .tables<HubTables>()
    .selectFrom("id_block")
    .select(["first", "count", "site"])
    .where("first", "<=", number)
    .orderBy("first", "desc")
    .executeTakeFirst();
  if (block !== undefined && number < block.first + block.count) return block.site === site;
  return isForgotten(transaction, number);
}

/** Only of what an earlier life lent from can a block be forgotten; this one's are all known. */
async function isForgotten(view: View, number: number): Promise<boolean> {
  const lives = JSON.parse((await view.setting("lineage")) ?? "[]") as string[];
  return lives.length > 1 && isLentElsewhere(view, number);
}
