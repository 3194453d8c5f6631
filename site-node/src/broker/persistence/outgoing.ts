import type { Log } from "@holdfast/runtime";
import type { Sqlite } from "@holdfast/runtime/sqlite";
import type { GroupedWrites } from "./grouped-writes.ts";
import { type GivenPacket, type QueuedPacket, sizeOf } from "./packets.ts";

interface Row {
  readonly seq: number;
  readonly cmd: string;
  readonly broker_id: string | null;
  readonly broker_counter: number | null;
  readonly message_id: number | null;
  readonly topic: string;
  readonly payload: Buffer | string;
  readonly qos: number;
  readonly retain: number;
  readonly dup: number;
}

export interface QueueLimits {
  /** For each client. */
  readonly queuedMessages: number;
  readonly queuedBytes: number;
}

export interface OutgoingOptions {
  readonly database: Sqlite;
  readonly writes: GroupedWrites;
  readonly limits: QueueLimits;
  readonly log: Log;
}

const PAGE = 64;

/**
 * What sessions are still to be sent, in order, QoS 1 and 2. A full queue loses its oldest: what an agent must know is
 * retained as well (`desired`, `jobs/next`), and an old request is worth less than a new one.
 */
export class Outgoing {
  readonly #writes: GroupedWrites;
  readonly #limits: QueueLimits;
  readonly #log: Log;
  readonly #statements;
  readonly #dropped = new Map<string, number>();
  /** Who had something queued once. A clean session never has, and would ask for it with each of its acknowledgements. */
  readonly #queues: Set<string>;

  constructor({ database, writes, limits, log }: OutgoingOptions) {
    this.#writes = writes;
    this.#limits = limits;
    this.#log = log;
    this.#statements = {
      add: database.prepare(
        `INSERT INTO outgoing (client_id, cmd, broker_id, broker_counter, topic, payload, qos, retain, dup, bytes)
         VALUES (?, 'publish', ?, ?, ?, ?, ?, ?, ?, ?)`,
      ),
      size: database.prepare<[string], { messages: number; bytes: number }>(
        "SELECT count(*) AS messages, total(bytes) AS bytes FROM outgoing WHERE client_id = ?",
      ),
      removeOldest: database.prepare<[string], { bytes: number }>(
        `DELETE FROM outgoing WHERE seq = (SELECT min(seq) FROM outgoing WHERE client_id = ?) RETURNING bytes`,
      ),
      numberByPacket: database.prepare<[number | undefined, string, string, number | undefined]>(
        "UPDATE outgoing SET message_id = ? WHERE client_id = ? AND broker_id = ? AND broker_counter = ?",
      ),
      byMessage: database.prepare<[string, number | undefined], Row>(
        "SELECT * FROM outgoing WHERE client_id = ? AND message_id = ? ORDER BY seq LIMIT 1",
      ),
      release: database.prepare<[number]>(
        `UPDATE outgoing SET cmd = 'pubrel', broker_id = NULL, broker_counter = NULL, topic = NULL, payload = NULL,
         bytes = 64 WHERE seq = ?`,
      ),
      remove: database.prepare<[number]>("DELETE FROM outgoing WHERE seq = ?"),
      removeAll: database.prepare<[string]>("DELETE FROM outgoing WHERE client_id = ?"),
      last: database.prepare<[string], number | null>("SELECT max(seq) FROM outgoing WHERE client_id = ?").pluck(),
      page: database.prepare<[string, number, number], Row>(
        `SELECT * FROM outgoing WHERE client_id = ? AND seq > ? AND seq <= ? ORDER BY seq LIMIT ${PAGE}`,
      ),
    };
    const queues = database.prepare<[], string>("SELECT DISTINCT client_id FROM outgoing").pluck();
    this.#queues = new Set(queues.all());
  }

  /** How many messages full queues have lost since the start. */
  get dropped(): number {
    return [...this.#dropped.values()].reduce((sum, count) => sum + count, 0);
  }

  /** Queues a publication for each of these, once, even where two of a client's filters match it. */
  enqueue(clientIds: readonly string[], packet: QueuedPacket): Promise<void> {
    if (clientIds.length === 0) return Promise.resolve();
    const { brokerId, brokerCounter, topic, payload, qos, retain, dup } = packet;
    const bytes = sizeOf(packet);
    for (const id of clientIds) this.#queues.add(id);
    return this.#writes.add(() => {
      for (const id of new Set(clientIds)) {
        const values = [id, brokerId, brokerCounter, topic, payload, qos, Number(retain), Number(dup ?? false), bytes];
        this.#statements.add.run(...values);
        this.#trim(id);
      }
    });
  }

  /**
   * Notes under which message id a publication has been sent, or that a PUBREL has taken the place of one. A publication
   * that is no longer queued is none of our concern; a PUBREL for an unknown message throws.
   */
  update(clientId: string, packet: GivenPacket): Promise<void> {
    const { cmd, brokerId, brokerCounter, messageId } = packet;
    return this.#writes.add(() => {
      if (cmd !== "pubrel") {
        this.#statements.numberByPacket.run(messageId, clientId, brokerId ?? "", brokerCounter);
        return;
      }
      const sent = this.#statements.byMessage.get(clientId, messageId);
      if (!sent) throw new Error(`no message ${messageId} has been sent to ${clientId}`);
      this.#statements.release.run(sent.seq);
    });
  }

  /** Removes what has been acknowledged and returns it; undefined when there is no such message. */
  acknowledge(clientId: string, messageId: number | undefined): Promise<GivenPacket | undefined> {
    if (!this.#queues.has(clientId)) return Promise.resolve(undefined);
    return this.#writes.add(() => {
      const sent = this.#statements.byMessage.get(clientId, messageId);
      if (!sent) return undefined;
      this.#statements.remove.run(sent.seq);
      return asPacket(sent);
    });
  }

  /** What is queued at this moment, oldest first. */
  *queued(clientId: string): Generator<GivenPacket> {
    this.#writes.flush();
    const last = this.#statements.last.get(clientId) ?? 0;
    let from = 0;
    while (from < last) {
      // A page at a time, as an open cursor would hold up every write.
      const page = this.#statements.page.all(clientId, from, last);
      for (const row of page) yield asPacket(row);
      from = page.at(-1)?.seq ?? last;
      this.#writes.flush();
    }
  }

  removeAll(clientId: string): Promise<unknown> {
    this.#dropped.delete(clientId);
    return this.#writes.add(() => this.#statements.removeAll.run(clientId));
  }

  #trim(clientId: string): void {
    const size = this.#statements.size.get(clientId);
    if (!size) return;
    let { messages, bytes } = size;
    const { queuedMessages, queuedBytes } = this.#limits;
    while (messages > 1 && (messages > queuedMessages || bytes > queuedBytes)) {
      bytes -= this.#statements.removeOldest.get(clientId)?.bytes ?? 0;
      messages--;
      if (!this.#dropped.has(clientId)) {
        this.#log.warn(
          { host: clientId, queuedMessages, queuedBytes },
          "the queue to a host is full, it loses its oldest",
        );
      }
      this.#dropped.set(clientId, (this.#dropped.get(clientId) ?? 0) + 1);
    }
  }
}

function asPacket(row: Row): GivenPacket {
  const messageId = row.message_id ?? undefined;
  if (row.cmd === "pubrel") return { cmd: row.cmd, messageId };
  const { cmd, topic, payload, qos } = row;
  const packet = { cmd, topic, payload, qos, retain: row.retain === 1, dup: row.dup === 1, messageId };
  return { ...packet, brokerId: row.broker_id ?? undefined, brokerCounter: row.broker_counter ?? undefined };
}
