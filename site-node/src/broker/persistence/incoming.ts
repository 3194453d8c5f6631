import { Fault } from "@holdfast/runtime";
import type { Sqlite } from "@holdfast/runtime/sqlite";
import type { GroupedWrites } from "./grouped-writes.ts";
import type { QueuedPacket } from "./packets.ts";

interface Row {
  readonly message_id: number;
  readonly topic: string;
  readonly payload: Buffer | string;
  readonly qos: number;
  readonly retain: number;
  readonly dup: number;
}

/** Publications of QoS 2 that a client has not released yet: how a repeat is told from a new one. */
export class Incoming {
  readonly #writes: GroupedWrites;
  readonly #most: number;
  readonly #statements;

  /** At most so many for each client, whatever it reconnects. */
  constructor(database: Sqlite, writes: GroupedWrites, most: number) {
    this.#writes = writes;
    this.#most = most;
    this.#statements = {
      put: database.prepare("INSERT OR REPLACE INTO incoming VALUES (?, ?, ?, ?, ?, ?, ?)"),
      get: database.prepare<[string, number], Row>("SELECT * FROM incoming WHERE client_id = ? AND message_id = ?"),
      remove: database.prepare<[string, number]>("DELETE FROM incoming WHERE client_id = ? AND message_id = ?"),
      removeAll: database.prepare<[string]>("DELETE FROM incoming WHERE client_id = ?"),
      count: database.prepare<[string], number>("SELECT count(*) FROM incoming WHERE client_id = ?").pluck(),
    };
  }

  store(clientId: string, packet: QueuedPacket): Promise<void> {
    const { messageId, topic, payload, qos, retain, dup } = packet;
    return this.#writes.add(() => {
      this.#statements.put.run(clientId, messageId, topic, payload, qos, Number(retain), Number(dup));
      if ((this.#statements.count.get(clientId) ?? 0) <= this.#most) return;
      throw new Fault("ResourceExhausted", `${this.#most} publications of QoS 2 of ${clientId} await their release`);
    });
  }

  get(clientId: string, messageId: number | undefined): QueuedPacket | undefined {
    this.#writes.flush();
    const row = messageId === undefined ? undefined : this.#statements.get.get(clientId, messageId);
    if (!row) return undefined;
    const { topic, payload, qos, retain, dup } = row;
    return { cmd: "publish", messageId: row.message_id, topic, payload, qos, retain: retain === 1, dup: dup === 1 };
  }

  /** Whether it was there. */
  remove(clientId: string, messageId: number | undefined): Promise<boolean> {
    if (messageId === undefined) return Promise.resolve(false);
    return this.#writes.add(() => this.#statements.remove.run(clientId, messageId).changes > 0);
  }

  removeAll(clientId: string): Promise<unknown> {
    return this.#writes.add(() => this.#statements.removeAll.run(clientId));
  }
}
