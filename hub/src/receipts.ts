import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import type { Store } from "@holdfast/inventory";
import type { FeedScope } from "@holdfast/protocol";

/** How far the hub had taken a site's stream. */
export interface CursorReceipt {
  readonly site: string;
  readonly epoch: string;
  readonly incarnation: number;
  readonly cursor: number;
}

/** How far a scope's feed had got. */
export interface FeedReceipt {
  readonly scope: FeedScope;
  readonly epoch: string;
  readonly seq: number;
}

/**
 * The hub's own signature on how far it was (rule 7). Who shows one to a hub that is behind it proves that this hub has
 * lost history; nobody else can make one.
 */
export interface Receipts {
  cursor(of: CursorReceipt): string;
  feed(of: FeedReceipt): string;
  isCursor(receipt: string, of: CursorReceipt): boolean;
  isFeed(receipt: string, of: FeedReceipt): boolean;
}

const KEY = "receipt-key";

/** With the store's key, which is made at its first start and goes wherever a copy of the database goes. */
export async function createReceipts(store: Pick<Store, "write">): Promise<Receipts> {
  const key = await store.write(async (transaction) => {
    const known = await transaction.setting(KEY);
    if (known !== undefined) return known;
    const made = randomBytes(32).toString("hex");
    await transaction.setSetting(KEY, made);
    return made;
  });
  return receiptsWith(Buffer.from(key, "hex"));
}

function receiptsWith(key: Buffer): Receipts {
  const sign = (of: readonly unknown[]): string =>
    createHmac("sha256", key).update(JSON.stringify(of)).digest("base64url");
  const cursor = ({ site, epoch, incarnation, cursor }: CursorReceipt) =>
    sign(["cursor", site, epoch, incarnation, cursor]);
  const feed = ({ scope, epoch, seq }: FeedReceipt) => sign(["feed", scope, epoch, seq]);
  return {
    cursor,
    feed,
    isCursor: (receipt, of) => isSame(receipt, cursor(of)),
    isFeed: (receipt, of) => isSame(receipt, feed(of)),
  };
}

function isSame(given: string, expected: string): boolean {
  const [one, other] = [Buffer.from(given), Buffer.from(expected)];
  return one.length === other.length && timingSafeEqual(one, other);
}
