import type { Transaction, View } from "@holdfast/inventory";
import {
  type EventEntry,
  LANES,
  laneOf,
  MAX_ENTRY_BYTES,
  type StateEntry,
  type UplinkEntry,
} from "@holdfast/protocol/uplink";
import { type Clock, Fault } from "@holdfast/runtime";
import { count } from "../database/counters.ts";
import { siteTables } from "../database/tables.ts";

/** How many events wait for the hub at most; beyond that the oldest give way, and are counted. */
export const MAX_EVENTS = 5_000;

const EVENT_LANE = LANES.event;
const STATE_LANE = LANES.state;

/** What waits to be sent: entries of each lane, and since when the oldest waits (milliseconds since the epoch). */
export interface OutboxLevel {
  readonly entries: number;
  readonly oldest: number | undefined;
}

/**
 * What the hub must hear. Everything is written in the transaction of what caused it, so that neither can be without
 * the other.
 */
export class Outbox {
  readonly #clock: Clock;
  readonly #listeners = new Set<() => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Throws InvalidArgument for an intent that no batch could hold. A release waiting unsent is replaced by a newer one of
   * the same resource; an event too large loses its detail; neither blocks what comes after it.
   */
  async add(transaction: Transaction, entry: Exclude<UplinkEntry, StateEntry>): Promise<void> {
    const key = entry.type === "release" ? `release/${entry.kind}/${entry.id}` : null;
    let body = JSON.stringify(entry);
    if (entry.type === "event" && byteLength(body) > MAX_ENTRY_BYTES) {
      await count(transaction, "entries-oversized");
      body = JSON.stringify(withoutDetail(entry));
    }
    if (byteLength(body) > MAX_ENTRY_BYTES) {
      throw new Fault(
        "InvalidArgument",
        `a change of ${byteLength(body)} bytes; at most ${MAX_ENTRY_BYTES} reach the hub`,
      );
    }
    await this.#insert(transaction, { lane: LANES[laneOf(entry)], key, body });
    if (entry.type === "event") await dropOldestEvents(transaction);
  }

  /** The observed state of a resource has changed: the hub gets all of it, as it is when the batch is sealed. */
  async touch(transaction: Transaction, kind: string, id: string): Promise<void> {
    await this.#insert(transaction, { lane: STATE_LANE, key: `state/${kind}/${id}`, body: null });
  }

  /** Something happened to a resource, kept as history at the hub. */
  async event(transaction: Transaction, about: Omit<EventEntry, "type" | "id" | "at">): Promise<void> {
    await this.add(transaction, { type: "event", id: crypto.randomUUID(), at: this.#clock.now(), ...about });
  }

  async level(view: View): Promise<OutboxLevel> {
    const { entries, oldest } = await siteTables(view)
      .selectFrom("outbox")
      .select(({ fn }) => [fn.countAll<number>().as("entries"), fn.min("added_at").as("oldest")])
      .executeTakeFirstOrThrow();
    return { entries, oldest: oldest ?? undefined };
  }

  /** Called when something was added, perhaps before its transaction commits. Returns how to stop it. */
  onAdded(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async #insert(
    transaction: Transaction,
    row: { lane: number; key: string | null; body: string | null },
  ): Promise<void> {
    const tables = siteTables(transaction);
    const waiting =
      row.key === null
        ? undefined
        : await tables
            .selectFrom("outbox")
            .select("number")
            .where("key", "=", row.key)
            .where("sealed", "=", 0)
            .executeTakeFirst();
    if (waiting) {
      await tables.updateTable("outbox").set({ body: row.body }).where("number", "=", waiting.number).execute();
    } else {
      await tables
        .insertInto("outbox")
        .values({ ...row, sealed: 0, added_at: this.#clock.now() })
        .execute();
    }
    for (const listener of this.#listeners) listener();
  }
}

async function dropOldestEvents(transaction: Transaction): Promise<void> {
  const tables = siteTables(transaction);
  const { waiting } = await tables
    .selectFrom("outbox")
    .select(({ fn }) => fn.countAll<number>().as("waiting"))
    .where("sealed", "=", 0)
    .where("lane", "=", EVENT_LANE)
    .executeTakeFirstOrThrow();
  if (waiting <= MAX_EVENTS) return;
  const oldest = tables
    .selectFrom("outbox")
    .select("number")
    .where("sealed", "=", 0)
    .where("lane", "=", EVENT_LANE)
    .orderBy("number")
    .limit(waiting - MAX_EVENTS);
  await tables.deleteFrom("outbox").where("number", "in", oldest).execute();
  await count(transaction, "events-dropped", waiting - MAX_EVENTS);
}

function withoutDetail({ detail: _detail, ...entry }: EventEntry): EventEntry {
  return entry;
}

export function byteLength(text: string): number {
  return Buffer.byteLength(text, "utf8");
}
