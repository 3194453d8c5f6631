import type { Condition } from "../../store/condition.ts";
import type { Revision } from "../../store/revisions.ts";
import { type Batch, readBatch, readState, type Selection, type Source, type Texts, type Watched } from "./batch.ts";

/** One that follows the tail of a log. */
export interface Follower {
  /** Decides which followers are served by one look; made of the selection. */
  readonly key: string;
  readonly selection: Selection;
  /** What it has seen. */
  readonly after: number;
  take(batch: Pick<Batch, "rows" | "position" | "silent" | "upTo">, texts: Texts): void;
  /** Machines of sites that have fallen silent, or are heard again. */
  again(texts: Texts, batch: Pick<Batch, "position" | "silent">): void;
  /** What it has not seen is forgotten. */
  lost(): void;
  failed(error: unknown): void;
}

interface Joining {
  readonly follower: Follower;
  readonly done: (joined: boolean) => void;
}

/**
 * What happens to one kind of a tenant, from now on. However many follow, what has changed is read once, looked up once for
 * each different filter, and shown once.
 */
export class Tail {
  readonly #source: Source;
  readonly #watched: Watched;
  readonly #followers = new Set<Follower>();
  #joining: Joining[] = [];
  #at = 0;
  #silent: readonly string[] | undefined;
  #running = false;
  #woken = false;

  constructor(source: Source, watched: Watched) {
    this.#source = source;
    this.#watched = watched;
  }

  get isFollowed(): boolean {
    return this.#followers.size > 0 || this.#joining.length > 0;
  }

  /** Lets one follow that has seen all that was read so far. False when it has not: it must read on by itself first. */
  join(follower: Follower): Promise<boolean> {
    return new Promise((done) => {
      this.#joining.push({ follower, done });
      if (!this.#running) this.#admit();
    });
  }

  leave(follower: Follower): void {
    this.#followers.delete(follower);
  }

  /** Something may have changed. */
  wake(): void {
    this.#woken = true;
    if (this.#running || this.#followers.size === 0) return;
    this.#running = true;
    void this.#run().finally(() => {
      this.#running = false;
      this.#admit();
    });
  }

  #admit(): void {
    const waiting = this.#joining;
    this.#joining = [];
    for (const { follower, done } of waiting) {
      if (this.#followers.size === 0) this.#at = follower.after;
      const joined = follower.after >= this.#at;
      if (joined) this.#followers.add(follower);
      done(joined);
    }
    if (this.#woken) this.wake();
  }

  async #run(): Promise<void> {
    try {
      let more = true;
      while ((this.#woken || more) && this.#followers.size > 0) {
        this.#woken = false;
        more = await this.#step();
        this.#admit();
      }
    } catch (error) {
      for (const follower of [...this.#followers]) follower.failed(error);
      this.#followers.clear();
    }
  }

  /** Returns whether there is more to read. */
  async #step(): Promise<boolean> {
    const groups = [...Map.groupBy(this.#followers, ({ key }) => key).values()];
    const selections = groups.map(([first]) => first?.selection);
    const after = this.#at;
    const batch = await readBatch(this.#source, this.#watched, { after, selections });
    if (after < batch.position.floor) {
      for (const follower of [...this.#followers]) follower.lost();
      this.#followers.clear();
      return false;
    }
    const before = this.#silent ?? batch.silent;
    this.#silent = batch.silent;
    this.#at = batch.upTo;
    for (const [index, group] of groups.entries()) {
      for (const follower of group) follower.take(batch, batch.texts[index] ?? new Map());
    }
    await this.#showAgain(groups, before, batch);
    return batch.upTo < batch.position.head;
  }

  /** Of machines whose site is heard or silent otherwise than before something else is shown, though nobody has written it. */
  async #showAgain(groups: readonly Follower[][], before: readonly string[], batch: Batch): Promise<void> {
    if (this.#watched.kind.feed !== "machine") return;
    const now = batch.silent;
    const other = [...new Set([...before, ...now])].filter((site) => before.includes(site) !== now.includes(site));
    if (other.length === 0) return;
    const theirs: Condition = {
      is: "or",
      of: other.map((value) => ({ is: "compare", path: ["owner"], operator: "equal", value })),
    };
    for (const group of groups) {
      const wanted = group[0]?.selection;
      const selection: Condition = wanted ? { is: "and", of: [theirs, wanted] } : theirs;
      for await (const texts of stateOf(this.#source, this.#watched, selection)) {
        for (const follower of group) follower.again(texts, batch);
      }
    }
  }
}

/** Pages of what a selection has now. */
export async function* stateOf(source: Source, watched: Watched, selection: Selection): AsyncGenerator<Texts> {
  let page = await readState(source, watched, { selection, after: undefined });
  yield page.texts;
  while (page.next) {
    page = await readState(source, watched, { selection, after: page.next });
    yield page.texts;
  }
}

/** A change of which nothing is known but that something else is shown. */
export function shownAgain(id: string): Revision {
  return { seq: 0, id, since: 0, gone: false };
}
