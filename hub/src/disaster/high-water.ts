import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type AuditHead, auditHead, type Store, type View } from "@holdfast/inventory";
import { type Clock, type Closable, type Log, messageOf, seconds, systemCode } from "@holdfast/runtime";
import { writeDurably, writeDurablyAside } from "@holdfast/runtime/durable-file";
import { Type } from "typebox";
import { Value } from "typebox/value";
import { epochOf } from "../epoch-of.ts";
import { feedPosition } from "../feeds/feed-position.ts";

/** How far the hub is known to have got, kept beside its database: a database behind it has lost history (rule 20). */
export interface HighWater {
  readonly epoch: string;
  readonly seq: number;
  /** Milliseconds since the epoch, for people. */
  readonly at: number;
  /** Where the audit log ended: one that does not hold it any more was cut off. */
  readonly audit?: AuditHead;
}

/** A mark as it is written down. */
export const WrittenHighWater = Type.Object({
  epoch: Type.String({ minLength: 1 }),
  seq: Type.Integer({ minimum: 0 }),
  at: Type.Number(),
  audit: Type.Optional(Type.Object({ seq: Type.Integer({ minimum: 1 }), hash: Type.String() })),
});

/** No more than this is lost of it. */
const WRITTEN_EVERY = seconds(1);

export function highWaterIn(home: string): string {
  return join(home, "high-water");
}

/** The mark of a home; undefined when there is none, or none that can be read: that proves nothing. */
export function readHighWater(home: string): HighWater | undefined {
  try {
    const read: unknown = JSON.parse(readFileSync(highWaterIn(home), "utf8"));
    return Value.Check(WrittenHighWater, read) ? read : undefined;
  } catch (error) {
    if (error instanceof SyntaxError || systemCode(error) !== undefined) return undefined;
    throw error;
  }
}

/** Writes the mark, whole or not at all, durable when this returns. Only of what is durable in the database already. */
export function writeHighWater(home: string, mark: HighWater): void {
  writeDurably(highWaterIn(home), textOf(mark));
}

function textOf({ epoch, seq, at, audit }: HighWater): string {
  return `${JSON.stringify({ epoch, seq, at, audit })}\n`;
}

/** Whether a mark proves that a database has lost history: it is behind in the same life, or has never had that life. */
export function provesLoss(
  mark: Pick<HighWater, "epoch" | "seq"> | undefined,
  database: { readonly lineage: readonly string[]; readonly position: number },
): boolean {
  if (!mark) return false;
  if (mark.epoch === database.lineage.at(-1)) return mark.seq > database.position;
  return !database.lineage.includes(mark.epoch);
}

/** How far a database has got. */
export async function reachedIn(view: View): Promise<Omit<HighWater, "at">> {
  const [epoch, seq, audit] = [await epochOf(view), await feedPosition(view), await auditHead(view)];
  return { epoch, seq, ...(audit === undefined ? {} : { audit }) };
}

interface Parts {
  readonly home: string;
  readonly store: Pick<Store, "read" | "onCommit">;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Keeps the mark: at once, at most a second after each commit, and when closed. What it says was read from the database, where
 * nothing is seen before it is durable, so it is never ahead. A disk that takes no mark is no reason to stop.
 */
export async function keepHighWater({ home, store, clock, log }: Parts): Promise<Closable> {
  const stopped = new AbortController();
  let [written, complained] = ["", false];
  let wake = Promise.withResolvers<void>();
  const stopListening = store.onCommit(() => wake.resolve());

  /** Returns whether the mark is where the database is. */
  async function write(): Promise<boolean> {
    try {
      const reached = await store.read(reachedIn);
      const name = `${reached.epoch} ${reached.seq} ${reached.audit?.seq}`;
      if (written === name) return true;
      // Once a second while there is work: waited for in place, it would be in the way of each hundredth of what is asked.
      await writeDurablyAside(highWaterIn(home), textOf({ ...reached, at: clock.now() }));
      [written, complained] = [name, false];
      return true;
    } catch (error) {
      if (!complained) log.warn({ error: messageOf(error) }, "the high-water mark could not be written, it lags");
      complained = true;
      return false;
    }
  }

  async function keep(): Promise<void> {
    while (!stopped.signal.aborted) {
      await wake.promise;
      wake = Promise.withResolvers();
      if (!(await write())) wake.resolve();
      await clock.sleep(WRITTEN_EVERY, stopped.signal).catch(() => undefined);
    }
  }

  await write();
  const kept = keep();
  return {
    async close() {
      stopListening();
      stopped.abort(new Error("stopped"));
      wake.resolve();
      await kept;
      await write();
    },
  };
}
