import type { Sqlite } from "@holdfast/runtime/sqlite";
import type { GroupedWrites } from "./grouped-writes.ts";
import type { ClientRef } from "./packets.ts";

export interface Will {
  topic: string;
  payload: Buffer | string;
  qos: number;
  retain: boolean;
  brokerId?: string;
  clientId?: string;
}

interface Row {
  readonly client_id: string;
  readonly broker_id: string;
  readonly topic: string;
  readonly payload: Buffer | string;
  readonly qos: number;
  readonly retain: number;
}

/** What is to be published when a connection ends without a DISCONNECT, also when the broker does not live to see it. */
export class Wills {
  readonly #writes: GroupedWrites;
  readonly #statements;
  /** Whose connection has left the will that is stored. */
  readonly #owners = new Map<string, ClientRef>();
  /** How many ended connections are still to report a will that a newer connection has replaced. */
  readonly #replaced = new Map<string, number>();
  #kept = false;

  constructor(database: Sqlite, writes: GroupedWrites) {
    this.#writes = writes;
    this.#statements = {
      put: database.prepare("INSERT OR REPLACE INTO will VALUES (?, ?, ?, ?, ?, ?)"),
      get: database.prepare<[string], Row>("SELECT * FROM will WHERE client_id = ?"),
      remove: database.prepare<[string]>("DELETE FROM will WHERE client_id = ?"),
      all: database.prepare<[], Row>("SELECT * FROM will"),
    };
  }

  /** From now on no will goes: the broker stops, and whoever does not come back after its next start is lost then. */
  keep(): void {
    this.#kept = true;
  }

  async put(client: ClientRef, will: Will, brokerId: string): Promise<void> {
    will.brokerId = brokerId;
    will.clientId = client.id;
    const { topic, payload, qos, retain } = will;
    this.#owners.set(client.id, client);
    await this.#writes.add(() => this.#statements.put.run(client.id, brokerId, topic, payload, qos, Number(retain)));
  }

  get(clientId: string): Will | undefined {
    this.#writes.flush();
    const row = this.#statements.get.get(clientId);
    return row && asWill(row);
  }

  /**
   * aedes asks for this twice: for a client that connects (with its Client), before that client's own will is put, and
   * for one that has gone (with its id alone), which on a takeover is after the new one's will was put: that one stays.
   */
  async remove(client: ClientRef): Promise<Will | undefined> {
    const { id } = client;
    if (this.#kept) return undefined;
    const owner = this.#owners.get(id);
    if ("conn" in client) {
      if (owner !== undefined && owner !== client) this.#replaced.set(id, (this.#replaced.get(id) ?? 0) + 1);
    } else {
      const replaced = this.#replaced.get(id) ?? 0;
      if (replaced > 1) this.#replaced.set(id, replaced - 1);
      else this.#replaced.delete(id);
      if (replaced > 0) return undefined;
    }
    this.#owners.delete(id);
    const will = this.get(id);
    if (will) await this.#writes.add(() => this.#statements.remove.run(id));
    return will;
  }

  /** The wills that brokers other than these have left behind. */
  left(brokers: readonly string[]): Will[] {
    this.#writes.flush();
    return this.#statements.all
      .all()
      .filter((row) => !brokers.includes(row.broker_id))
      .map(asWill);
  }
}

function asWill({ client_id, broker_id, topic, payload, qos, retain }: Row): Will {
  return { topic, payload, qos, retain: retain === 1, brokerId: broker_id, clientId: client_id };
}
