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
import { type CounterName, count } from "../database/counters.ts";
import { siteTables } from "../database/tables.ts";
import { noteWord } from "./credential-words.ts";

/** How many events wait for the hub at most; beyond that the oldest give way, and are counted. */
export const MAX_EVENTS = 5_000;

/** Of how many machines that belong elsewhere the hub is still to be told. */
export const MAX_ARRIVALS = 1_000;

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
   * Throws InvalidArgument for an intent that no batch could hold. A release, credential or arrival waiting unsent is
   * replaced by a newer one of the same resource; an event too large loses its detail; neither blocks what comes after it.
   */
  async add(transaction: Transaction, entry: Exclude<UplinkEntry, StateEntry>): Promise<void> {
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
    await this.#insert(transaction, { lane: LANES[laneOf(entry)], key: keyOf(entry), body });
    if (entry.type === "event")
      await dropOldest(transaction, { lane: LANES.event, most: MAX_EVENTS }, "events-dropped");
    if (entry.type === "arrival") {
      const waiting = { lane: LANES.state, key: "arrival/%", most: MAX_ARRIVALS };
      await dropOldest(transaction, waiting, "arrivals-dropped");
    }
    if (entry.type === "credential") await noteWord(transaction, entry);
  }

  /** The observed state of a resource has changed: the hub gets all of it, as it is when the batch is sealed. */
  async touch(transaction: Transaction, kind: string, id: string): Promise<void> {
    await this.#insert(transaction, { lane: LANES.state, key: `state/${kind}/${id}`, body: null });
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

/** Under which what waits is replaced by something newer; null for what is said in full. */
function keyOf(entry: UplinkEntry): string | null {
  switch (entry.type) {
    case "release":
      return `release/${entry.kind}/${entry.id}`;
    case "credential":
      return `credential/${entry.hostId}`;
    case "arrival":
      return `arrival/${entry.hostId}`;
    default:
      return null;
  }
}

async function dropOldest(
  transaction: Transaction,
  { lane, key, most }: { readonly lane: number; readonly key?: string; readonly most: number },
  counter: CounterName,
): Promise<void> {
  const tables = siteTables(transaction);
  const unsent = tables.selectFrom("outbox").where("sealed", "=", 0).where("lane", "=", lane);
  const waiting = key === undefined ? unsent : unsent.where("key", "like", key);
  const { entries } = await waiting.select(({ fn }) => fn.countAll<number>().as("entries")).executeTakeFirstOrThrow();
  if (entries <= most) return;
  const oldest = waiting
    .select("number")
    .orderBy("number")
    .limit(entries - most);
  await tables.deleteFrom("outbox").where("number", "in", oldest).execute();
  await count(transaction, counter, entries - most);
}

function withoutDetail({ detail: _detail, ...entry }: EventEntry): EventEntry {
  return entry;
}

export function byteLength(text: string): number {
  return Buffer.byteLength(text, "utf8");
}
