import { Fault } from "@holdfast/runtime";
import type { Sqlite } from "@holdfast/runtime/sqlite";
import { isLiteral, literalPrefix, matchesFilter } from "../topic-filter.ts";
import type { GroupedWrites } from "./grouped-writes.ts";
import { type QueuedPacket, sizeOf } from "./packets.ts";

interface Row {
  readonly topic: string;
  readonly payload: Buffer | string;
  readonly packet: string;
}

export interface RetainedLimits {
  readonly retainedMessages: number;
  readonly retainedBytes: number;
}

const PAGE = 64;
/** Sorts after every text that begins like the one before it. */
const LAST = "\u{10FFFF}";

/** The last retained message of each topic. */
export class Retained {
  readonly #writes: GroupedWrites;
  readonly #limits: RetainedLimits;
  readonly #statements;

  constructor(database: Sqlite, writes: GroupedWrites, limits: RetainedLimits) {
    this.#writes = writes;
    this.#limits = limits;
    this.#statements = {
      put: database.prepare<[string, Buffer | string, string, number]>("INSERT INTO retained VALUES (?, ?, ?, ?)"),
      remove: database.prepare<[string]>("DELETE FROM retained WHERE topic = ?"),
      removeBetween: database.prepare<[string, string]>("DELETE FROM retained WHERE topic >= ? AND topic < ?"),
      total: database.prepare<[], { messages: number; bytes: number }>("SELECT * FROM retained_total"),
      get: database.prepare<[string], Row>("SELECT * FROM retained WHERE topic = ?"),
      page: database.prepare<[string, string], Row>(
        `SELECT * FROM retained WHERE topic >= ? AND topic <= ? ORDER BY topic LIMIT ${PAGE}`,
      ),
    };
  }

  /** Keeps a message as its topic's last; one without payload clears the topic. Faults with ResourceExhausted when full. */
  store(given: QueuedPacket): Promise<void> {
    const { topic, payload, ...packet } = given;
    const bytes = sizeOf(given);
    return this.#writes.add(() => {
      this.#statements.remove.run(topic);
      if (payload.length === 0) return;
      this.#statements.put.run(topic, payload, JSON.stringify(packet), bytes);
      const total = this.#statements.total.get();
      if (!total) throw new Error("the broker's database has lost its count of retained messages");
      if (total.messages <= this.#limits.retainedMessages && total.bytes <= this.#limits.retainedBytes) return;
      throw new Fault(
        "ResourceExhausted",
        `the broker retains ${total.bytes} bytes in ${total.messages} messages: full`,
      );
    });
  }

  /** `prefix` ends in a slash. */
  removeBelow(prefix: string): Promise<unknown> {
    return this.#writes.add(() => this.#statements.removeBetween.run(prefix, `${prefix}${LAST}`));
  }

  *matching(filter: string): Generator<Record<string, unknown>> {
    this.#writes.flush();
    if (isLiteral(filter)) {
      const row = this.#statements.get.get(filter);
      if (row) yield asPacket(row);
      return;
    }
    let from = literalPrefix(filter);
    const last = `${from}${LAST}`;
    while (true) {
      // A page at a time, as an open cursor would hold up every write.
      const page = this.#statements.page.all(from, last);
      for (const row of page) if (matchesFilter(filter, row.topic)) yield asPacket(row);
      const end = page.at(-1);
      if (page.length < PAGE || end === undefined) return;
      from = `${end.topic}\0`;
    }
  }
}

function asPacket({ topic, payload, packet }: Row): Record<string, unknown> {
  return { ...(JSON.parse(packet) as object), topic, payload };
}
