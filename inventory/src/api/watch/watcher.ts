import type { ServerResponse } from "node:http";
import { messageOf } from "@holdfast/runtime";
import { answerTo, StartAnew } from "../errors.ts";
import type { Batch, Selection, Texts } from "./batch.ts";
import { cursorAt, writeCursor } from "./cursor.ts";
import { type EventName, Memory } from "./memory.ts";
import { type Follower, shownAgain } from "./tail.ts";

/** A watcher that has not taken this many bytes is slower than what happens: it is cut off, and may go on by its cursor. */
const MAX_UNSENT = 4 * 1024 * 1024;

type Seen = Pick<Batch, "position" | "silent">;

/** One stream of events, written to whoever watches. */
export class Watcher implements Follower {
  readonly key: string;
  readonly selection: Selection;
  readonly #raw: ServerResponse;
  readonly #memory: Memory;
  readonly #over: AbortController;
  #after: number;
  #cursor = "";
  #told = "";

  constructor(parts: {
    readonly raw: ServerResponse;
    readonly selection: Selection;
    readonly after: number;
    /** Whether it begins with the state, and so has seen all that there is. */
    readonly whole: boolean;
    readonly over: AbortController;
  }) {
    this.selection = parts.selection;
    this.key = JSON.stringify(parts.selection ?? null);
    this.#raw = parts.raw;
    this.#after = parts.after;
    this.#over = parts.over;
    this.#memory = new Memory({ filtered: parts.selection !== undefined, whole: parts.whole });
  }

  get after(): number {
    return this.#after;
  }

  /** Part of the state: not resumable yet, so without a cursor. */
  state(name: EventName, texts: Texts): void {
    for (const [id, text] of texts) {
      this.#memory.show(id);
      this.#write(`event: ${name}\ndata: ${text}\n\n`);
    }
  }

  take({ rows, position, silent, upTo }: Seen & Pick<Batch, "rows" | "upTo">, texts: Texts): void {
    for (const row of rows) {
      if (row.seq <= this.#after) continue;
      const text = texts.get(row.id);
      const name = this.#memory.eventOf(row, text !== undefined, this.#after);
      if (name === undefined) continue;
      const shown = text === undefined || name === "deleted" ? JSON.stringify({ resourceId: row.id }) : text;
      const cursor = writeCursor(cursorAt(position, row.seq, silent));
      this.#told = cursor;
      this.#write(`id: ${cursor}\nevent: ${name}\ndata: ${shown}\n\n`);
    }
    this.#after = Math.max(this.#after, upTo);
    this.#cursor = writeCursor(cursorAt(position, this.#after, silent));
  }

  again(texts: Texts, { position, silent }: Seen): void {
    for (const [id, text] of texts) {
      const name = this.#memory.eventOf(shownAgain(id), true, this.#after);
      if (name !== undefined) this.#write(`event: ${name}\ndata: ${text}\n\n`);
    }
    this.#cursor = writeCursor(cursorAt(position, this.#after, silent));
  }

  /** Shows that the stream is alive, with a bookmark when it has got further than was told. */
  beat(): void {
    if (this.#cursor === this.#told) this.#write(": keep-alive\n\n");
    else this.bookmark();
  }

  /** All that came before has been told: from here one may go on. */
  bookmark(): void {
    this.#told = this.#cursor;
    this.#write(`id: ${this.#cursor}\nevent: bookmark\ndata: ${JSON.stringify({ cursor: this.#cursor })}\n\n`);
  }

  lost(): void {
    this.end(new StartAnew("what has happened since is more than is remembered: begin anew, without a cursor"));
  }

  failed(error: unknown): void {
    this.end(error);
  }

  /** Ends the stream, saying why when there is a reason. */
  end(error?: unknown): void {
    if (this.#over.signal.aborted) return;
    if (error !== undefined) {
      const { code, message } = answerTo(error);
      this.#write(`event: error\ndata: ${JSON.stringify({ code, message })}\n\n`);
    }
    this.#over.abort(new Error(error === undefined ? "over" : messageOf(error)));
  }

  #write(event: string): void {
    if (this.#over.signal.aborted || this.#raw.destroyed) return;
    this.#raw.write(event);
    if (this.#raw.writableLength <= MAX_UNSENT) return;
    this.#over.abort(new Error("too slow"));
    this.#raw.destroy();
  }
}
