import type { Commit, Store, View } from "@holdfast/inventory";
import type { FeedScope } from "@holdfast/protocol";
import { type Clock, type Closable, type Log, seconds } from "@holdfast/runtime";
import { startChore } from "./chore.ts";

const LOOKED_EVERY = seconds(1);

/** The inventory's own tables that are looked into. */
interface FeedTables {
  readonly feed_scope: { readonly scope: FeedScope; readonly head: number };
  readonly sequence: { readonly name: string; readonly value: number };
}

export interface Beside extends Closable {
  /** The store; its listeners are told of what others have added to its feeds too, a second later at most. */
  readonly store: Store;
}

/**
 * A store that commands work on beside the program that has it open: what they commit wakes nobody by itself. `also` does
 * what else there is to notice, and says of how much there was.
 */
export function watchBeside(
  own: Store,
  { clock, log, also }: { clock: Clock; log: Log; also: () => Promise<number> },
): Beside {
  const listeners = new Set<(commit: Commit) => void>();
  const told = new Map<FeedScope, number>();
  let seen: number | undefined;
  let isWritten = true;
  const stop = own.onCommit(({ scopes }) => {
    isWritten = true;
    for (const [scope, head] of scopes) told.set(scope, head);
  });

  async function look(): Promise<number> {
    const found = await own.read((view) => feedsAfter(view, seen));
    seen = found.last;
    const others = found.heads.filter(({ scope, head }) => head > (told.get(scope) ?? 0));
    if (others.length === 0) return 0;
    const scopes = new Map(others.map(({ scope, head }) => [scope, head]));
    for (const [scope, head] of scopes) told.set(scope, head);
    for (const listener of listeners) listener({ scopes, changes: [] });
    return others.length;
  }

  async function work(): Promise<number> {
    if (!own.writtenElsewhere() && !isWritten) return 0;
    isWritten = false;
    try {
      return (await look()) + (await also());
    } catch (error) {
      isWritten = true;
      throw error;
    }
  }

  const chore = startChore({ name: "notice commands beside the hub", every: LOOKED_EVERY, work }, { clock, log });
  return {
    store: {
      read: (work) => own.read(work),
      write: (work) => own.write(work),
      onCommit(listener) {
        listeners.add(listener);
        const stopOwn = own.onCommit(listener);
        return () => {
          listeners.delete(listener);
          stopOwn();
        };
      },
      writtenElsewhere: () => own.writtenElsewhere(),
      tend: () => own.tend(),
      close: () => own.close(),
    },
    async close() {
      await chore.close();
      stop();
    },
  };
}

/** Where the feeds stand that were added to after a number; none at the first look. */
async function feedsAfter(view: View, seen: number | undefined) {
  const tables = view.tables<FeedTables>();
  const sequence = tables.selectFrom("sequence").select("value").where("name", "=", "feed");
  const last = (await sequence.executeTakeFirst())?.value ?? 0;
  if (seen === undefined || last <= seen) return { last, heads: [] };
  const heads = tables.selectFrom("feed_scope").select(["scope", "head"]).where("head", ">", seen);
  return { last, heads: await heads.execute() };
}
