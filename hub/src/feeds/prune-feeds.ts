import type { Store, Transaction } from "@holdfast/inventory";
import type { FeedScope } from "@holdfast/protocol";
import { type Clock, hours } from "@holdfast/runtime";
import type { HubTables } from "../tables.ts";
import { feedPosition } from "./feed-position.ts";

const DAY = hours(24);

/** How long a feed says that something is gone: a follower that was away for longer starts anew. */
export const TOMBSTONES_KEPT = 30 * DAY;

const SCOPES_AT_ONCE = 100;

/** The inventory's own table that pruning looks into. */
interface FeedTables {
  readonly feed: { readonly scope: FeedScope; readonly seq: number; readonly body: string | null };
}

/**
 * Forgets the tombstones that were written more than 30 days ago, of some scopes at a time (rule 10). Feed rows carry no
 * time: instead the hub marks once a day how far the feeds have got. A clock that jumps ahead makes followers start anew
 * sooner than needed, and nothing else. Returns in how many scopes something was forgotten.
 */
export function pruneFeeds({ store, clock }: { store: Store; clock: Pick<Clock, "now"> }): Promise<number> {
  return store.write(async (transaction) => {
    const now = clock.now();
    await markFeeds(transaction, now);
    const marks = transaction.tables<HubTables>();
    const due = await marks
      .selectFrom("feed_mark")
      .select((select) => select.fn.max("seq").as("seq"))
      .where("at", "<=", now - TOMBSTONES_KEPT)
      .executeTakeFirst();
    if (!due?.seq) return 0;
    const scopes = await transaction
      .tables<FeedTables>()
      .selectFrom("feed")
      .select((select) => ["scope", select.fn.max("seq").as("seq")])
      .where("body", "is", null)
      .where("seq", "<=", due.seq)
      .groupBy("scope")
      .limit(SCOPES_AT_ONCE)
      .execute();
    for (const { scope, seq } of scopes) await transaction.pruneFeed(scope, seq);
    if (scopes.length < SCOPES_AT_ONCE) await marks.deleteFrom("feed_mark").where("seq", "<=", due.seq).execute();
    return scopes.length;
  });
}

async function markFeeds(transaction: Transaction, now: number): Promise<void> {
  const marks = transaction.tables<HubTables>();
  // Of a clock that has been set back since: the next mark would otherwise wait until that time comes again.
  await marks.deleteFrom("feed_mark").where("at", ">", now).execute();
  const fresh = await marks
    .selectFrom("feed_mark")
    .select("at")
    .where("at", ">", now - DAY)
    .executeTakeFirst();
  const seq = await feedPosition(transaction);
  if (fresh || seq === 0) return;
  await marks.insertInto("feed_mark").values({ at: now, seq }).execute();
}
