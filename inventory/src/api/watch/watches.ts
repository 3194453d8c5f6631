import { once } from "node:events";
import { type Clock, Fault, seconds } from "@holdfast/runtime";
import type { FastifyReply } from "fastify";
import { readBatch, type Selection, type Source, type Watched } from "./batch.ts";
import { checkCursor, cursorAt, type WatchCursor } from "./cursor.ts";
import { type Place, Places } from "./places.ts";
import { stateOf, Tail } from "./tail.ts";
import { Watcher } from "./watcher.ts";

/** How often it is looked whether a watcher may still watch, and whether others have written to the database. */
const LOOKED_EVERY = seconds(5);
/** After how many of these looks a stream shows that it is alive. */
const LOOKS_A_BEAT = 3;
/** A watcher that takes nothing of a page for so long does not read at all, milliseconds. */
const READS_WITHIN = seconds(30);

/** Who watches what, and from where on. */
export interface Watching extends Watched {
  readonly selection: Selection;
  /** From the present state on when absent. */
  readonly cursor: WatchCursor | undefined;
  readonly caller: Pick<Place, "caller" | "actor">;
  readonly reply: FastifyReply;
  /** Throws when the watcher may not watch any more. */
  readonly mayStill: () => Promise<void>;
}

/** Reasons for which a watcher is let go; a database that is busy is none. */
const LET_GO = new Set(["Unauthenticated", "PermissionDenied", "NotFound"]);

/** Everybody who watches. */
export class Watches {
  readonly #source: Source;
  readonly #clock: Pick<Clock, "sleep">;
  readonly #tails = new Map<string, Tail>();
  readonly #places = new Places();
  readonly #stop: () => void;

  constructor(source: Source, clock: Pick<Clock, "sleep">) {
    this.#source = source;
    this.#clock = clock;
    this.#stop = source.store.onCommit(({ changes }) => {
      if (this.#tails.size === 0) return;
      for (const key of new Set(changes.map(keyOf))) this.#tails.get(key)?.wake();
    });
  }

  /** Lets every watcher go. */
  close(): void {
    this.#stop();
    this.#places.endAll();
  }

  /**
   * Streams events until the watcher goes, may not watch any more, or is too slow. Throws before it begins: ResourceExhausted
   * when there are too many, StartAnew for a cursor that leads nowhere.
   */
  async stream(watching: Watching): Promise<void> {
    const over = new AbortController();
    let watcher: Watcher | undefined;
    const end = (reason?: Error) => (watcher ? watcher.end(reason) : over.abort(reason ?? new Error("over")));
    const place: Place = { ...watching.caller, tenant: watching.tenant, end };
    this.#places.take(place);
    try {
      const begun = await this.#begin(watching, over);
      if (!begun) return;
      watcher = begun.watcher;
      await this.#tell(watcher, { watching, over, whole: begun.whole });
    } finally {
      this.#places.leave(place);
    }
  }

  /** Opens the stream; undefined when whoever asked has gone, or must go. */
  async #begin(watching: Watching, over: AbortController) {
    const { cursor, tenant, reply, selection } = watching;
    const [position, silent] = await this.#source.store.read(async (view) => {
      const { silent: sites } = await this.#source.silent(view, tenant);
      return [await view.revision(), [...(sites?.keys() ?? [])]] as const;
    });
    over.signal.throwIfAborted();
    if (cursor) checkCursor(cursor, position);
    const { raw } = reply;
    reply.hijack();
    // Whoever went while the log was looked at is not heard to go any more.
    if (raw.destroyed || raw.socket?.destroyed !== false) return undefined;
    raw.once("close", () => over.abort(new Error("gone")));
    raw.once("error", () => over.abort(new Error("gone")));
    raw.writeHead(200, {
      ...(reply.getHeaders() as Record<string, string>),
      "content-type": "text/event-stream",
      "cache-control": "private, no-store",
      "x-accel-buffering": "no",
      // Left open after the last event, the connection would hold up a server that closes.
      connection: "close",
    });
    raw.flushHeaders();
    const after = cursor?.seq ?? position.head;
    const differs =
      cursor && watching.kind.feed === "machine" && cursor.silent !== cursorAt(position, 0, silent).silent;
    const watcher = new Watcher({ raw, selection, after, whole: !cursor, over });
    return { watcher, whole: !cursor || differs === true };
  }

  async #tell(
    watcher: Watcher,
    { watching, over, whole }: { watching: Watching; over: AbortController; whole: boolean },
  ): Promise<void> {
    const { raw } = watching.reply;
    try {
      if (whole) await this.#sendState(watcher, watching, over);
      await this.#follow(watcher, watching, over);
    } catch (error) {
      if (!over.signal.aborted) watcher.end(error);
    } finally {
      // What has not been read by now is asked for again; waiting for that would hold up whoever closes.
      if (raw.writableNeedDrain) raw.destroy();
      else raw.end();
    }
  }

  async #sendState(watcher: Watcher, watching: Watching, over: AbortController): Promise<void> {
    for await (const texts of stateOf(this.#source, watching, watching.selection)) {
      over.signal.throwIfAborted();
      watcher.state(watching.cursor ? "updated" : "created", texts);
      if (watching.reply.raw.writableNeedDrain) await this.#drained(watching.reply, over);
    }
  }

  async #follow(watcher: Watcher, watching: Watching, over: AbortController): Promise<void> {
    const key = keyOf({ kind: watching.kind.name, tenant: watching.tenant });
    let tail: Tail;
    do {
      await this.#catchUp(watcher, watching, over);
      tail = this.#tailOf(key, watching);
    } while (!(await tail.join(watcher)));
    try {
      tail.wake();
      watcher.bookmark();
      await this.#attend(watcher, tail, { watching, over });
    } finally {
      tail.leave(watcher);
      // Where its followers were let go of, others may follow another one by now.
      if (!tail.isFollowed && this.#tails.get(key) === tail) this.#tails.delete(key);
    }
  }

  async #catchUp(watcher: Watcher, watching: Watching, over: AbortController): Promise<void> {
    for (;;) {
      const { after } = watcher;
      const batch = await readBatch(this.#source, watching, { after, selections: [watching.selection] });
      over.signal.throwIfAborted();
      if (after < batch.position.floor) return watcher.lost();
      watcher.take(batch, batch.texts[0] ?? new Map());
      if (batch.upTo >= batch.position.head) return;
      if (watching.reply.raw.writableNeedDrain) await this.#drained(watching.reply, over);
    }
  }

  async #attend(watcher: Watcher, tail: Tail, { watching, over }: { watching: Watching; over: AbortController }) {
    for (let looks = 1; !over.signal.aborted; looks++) {
      await this.#clock.sleep(LOOKED_EVERY, over.signal).catch(() => undefined);
      if (over.signal.aborted) return;
      try {
        await watching.mayStill();
      } catch (error) {
        if (error instanceof Fault && LET_GO.has(error.code)) return watcher.end(error);
      }
      tail.wake();
      if (looks % LOOKS_A_BEAT === 0) watcher.beat();
    }
  }

  async #drained({ raw }: FastifyReply, over: AbortController): Promise<void> {
    const taken = new AbortController();
    const ended = AbortSignal.any([over.signal, taken.signal]);
    const late = this.#clock.sleep(READS_WITHIN, ended).then(
      () => over.abort(new Error("too slow")),
      () => undefined,
    );
    await once(raw, "drain", { signal: over.signal }).catch(() => undefined);
    taken.abort();
    await late;
    over.signal.throwIfAborted();
  }

  #tailOf(key: string, watched: Watched): Tail {
    const tail = this.#tails.get(key) ?? new Tail(this.#source, { kind: watched.kind, tenant: watched.tenant });
    this.#tails.set(key, tail);
    return tail;
  }
}

function keyOf({ kind, tenant }: { readonly kind: string; readonly tenant: string }): string {
  return `${tenant}/${kind}`;
}
