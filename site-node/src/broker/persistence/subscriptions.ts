import type { Sqlite } from "@holdfast/runtime/sqlite";
import type { GroupedWrites } from "./grouped-writes.ts";
import { type IndexedSubscription, SubscriptionIndex } from "./subscription-index.ts";

/** A subscription as aedes has it; the options beside qos are MQTT 5's, kept as given. */
export interface Subscription {
  readonly topic: string;
  readonly qos: number;
  readonly rh?: number | undefined;
  readonly rap?: boolean | undefined;
  readonly nl?: boolean | undefined;
  readonly subscriptionIdentifier?: number | undefined;
}

interface Row {
  readonly client_id: string;
  readonly filter: string;
  readonly qos: number;
  readonly options: string;
}

/** The subscriptions of sessions, which outlive their connections. Those of QoS 0 are restored, but nothing queues for them. */
export class Subscriptions {
  readonly #writes: GroupedWrites;
  readonly #index = new SubscriptionIndex<IndexedSubscription>();
  readonly #statements;

  constructor(database: Sqlite, writes: GroupedWrites) {
    this.#writes = writes;
    this.#statements = {
      put: database.prepare<[string, string, number, string]>(
        `INSERT INTO subscription VALUES (?, ?, ?, ?)
         ON CONFLICT DO UPDATE SET qos = excluded.qos, options = excluded.options`,
      ),
      remove: database.prepare<[string, string]>("DELETE FROM subscription WHERE client_id = ? AND filter = ?"),
      removeAll: database.prepare<[string]>("DELETE FROM subscription WHERE client_id = ?"),
      ofClient: database.prepare<[string], Row>("SELECT * FROM subscription WHERE client_id = ? ORDER BY rowid"),
      ofFilter: database
        .prepare<[string], string>("SELECT client_id FROM subscription WHERE filter = ? ORDER BY client_id")
        .pluck(),
      clients: database.prepare<[], number>("SELECT count(DISTINCT client_id) FROM subscription").pluck(),
    };
    for (const row of database.prepare<[], Row>("SELECT * FROM subscription").all()) {
      this.#reindex(row.client_id, asSubscription(row));
    }
  }

  async add(clientId: string, given: readonly Subscription[]): Promise<void> {
    // aedes changes these objects while the write waits.
    const subscriptions = given.map((subscription) => ({ ...subscription }));
    await this.#writes.add(() => {
      for (const { topic, qos, rh, rap, nl, subscriptionIdentifier } of subscriptions) {
        this.#statements.put.run(clientId, topic, qos, JSON.stringify({ rh, rap, nl, subscriptionIdentifier }));
      }
    });
    for (const subscription of subscriptions) this.#reindex(clientId, subscription);
  }

  async remove(clientId: string, filters: readonly string[]): Promise<void> {
    await this.#writes.add(() => {
      for (const filter of filters) this.#statements.remove.run(clientId, filter);
    });
    for (const filter of filters) this.#index.delete(clientId, filter);
  }

  async removeAll(clientId: string): Promise<void> {
    const held = this.ofClient(clientId);
    if (held.length === 0) return;
    await this.#writes.add(() => this.#statements.removeAll.run(clientId));
    for (const { topic } of held) this.#index.delete(clientId, topic);
  }

  ofClient(clientId: string): Subscription[] {
    this.#writes.flush();
    return this.#statements.ofClient.all(clientId).map(asSubscription);
  }

  /** Who gets a publication on this topic queued: the subscriptions above QoS 0 that match it. */
  matching(topic: string): IndexedSubscription[] {
    return this.#index.matching(topic);
  }

  /** The clients that have subscribed to exactly this filter. */
  clientsOf(filter: string): string[] {
    this.#writes.flush();
    return this.#statements.ofFilter.all(filter);
  }

  count(): { readonly subsCount: number; readonly clientsCount: number } {
    this.#writes.flush();
    return { subsCount: this.#index.size, clientsCount: this.#statements.clients.get() ?? 0 };
  }

  #reindex(clientId: string, { topic, qos, rh, rap, nl }: Subscription): void {
    if (qos > 0) this.#index.set({ clientId, topic, qos, ...present({ rh, rap, nl }) });
    else this.#index.delete(clientId, topic);
  }
}

function asSubscription(row: Row): Subscription {
  return { topic: row.filter, qos: row.qos, ...(JSON.parse(row.options) as Omit<Subscription, "topic" | "qos">) };
}

function present(options: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}
