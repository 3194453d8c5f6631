import { Readable } from "node:stream";
import { type Log, messageOf } from "@holdfast/runtime";
import { openSqlite, type Sqlite, takeInGrownLog } from "@holdfast/runtime/sqlite";
import { GroupedWrites, type WritesHeard } from "./persistence/grouped-writes.ts";
import { Incoming } from "./persistence/incoming.ts";
import { Outgoing, type QueueLimits } from "./persistence/outgoing.ts";
import type { ClientRef, GivenPacket, QueuedPacket } from "./persistence/packets.ts";
import { Retained, type RetainedLimits } from "./persistence/retained.ts";
import { prepareSchema } from "./persistence/schema.ts";
import { type Subscription, Subscriptions } from "./persistence/subscriptions.ts";
import { type Will, Wills } from "./persistence/wills.ts";

export interface PersistenceLimits extends QueueLimits, RetainedLimits {
  /** Publications of QoS 2 awaiting their release, for each client. */
  readonly incomingMessages: number;
  /** The database as a whole: beyond it writes fail. */
  readonly databaseBytes: number;
}

export interface PersistenceOptions extends WritesHeard {
  readonly path: string;
  readonly limits: PersistenceLimits;
  readonly log: Log;
  /** Whether a client may hold a subscription. aedes stores all of a SUBSCRIBE as soon as it allows one of them. */
  readonly maySubscribe?: (clientId: string, filter: string) => boolean;
}

/**
 * aedes' persistence (the promise interface of aedes-persistence 11) in one SQLite file of its own: sessions with their
 * subscriptions and queues, unreleased QoS 2, retained messages and wills outlive the process. What a promise here has
 * resolved for is durable.
 */
export class SqlitePersistence {
  readonly #database: Sqlite;
  readonly #writes: GroupedWrites;
  readonly #subscriptions: Subscriptions;
  readonly #outgoing: Outgoing;
  readonly #incoming: Incoming;
  readonly #retained: Retained;
  readonly #wills: Wills;
  readonly #maySubscribe: (clientId: string, filter: string) => boolean;
  readonly #log: Log;
  #broker: { readonly id: string } | undefined;

  constructor({ path, limits, log, maySubscribe = () => true, ...heard }: PersistenceOptions) {
    this.#maySubscribe = maySubscribe;
    this.#log = log;
    this.#database = openSqlite(path);
    prepareSchema(this.#database, limits.databaseBytes);
    this.#writes = new GroupedWrites(this.#database, heard);
    this.#subscriptions = new Subscriptions(this.#database, this.#writes);
    this.#outgoing = new Outgoing({ database: this.#database, writes: this.#writes, limits, log });
    this.#incoming = new Incoming(this.#database, this.#writes, limits.incomingMessages);
    this.#retained = new Retained(this.#database, this.#writes, limits);
    this.#wills = new Wills(this.#database, this.#writes);
  }

  get broker(): { readonly id: string } | undefined {
    return this.#broker;
  }

  /** How many messages full queues have lost since the start. */
  get dropped(): number {
    return this.#outgoing.dropped;
  }

  // aedes wants an async function, whatever it does.
  async setup(broker: { readonly id: string }): Promise<void> {
    this.#broker = broker;
  }

  /** Writes something that changes nothing, and makes it durable. Throws when that cannot be done. */
  async tryWriting(): Promise<void> {
    const version = this.#database.pragma("user_version", { simple: true });
    await this.#writes.add(() => this.#database.pragma(`user_version = ${version}`));
  }

  /** Takes the log into the database where SQLite could not. Throws why that cannot be done. */
  tend(): void {
    if (!this.#database.inTransaction) takeInGrownLog(this.#database);
  }

  /** Forgets a session: subscriptions, queue, unreleased messages and will. */
  async purgeClient(id: string): Promise<void> {
    await Promise.all([
      this.#subscriptions.removeAll(id),
      this.#outgoing.removeAll(id),
      this.#incoming.removeAll(id),
      this.#wills.remove({ id }),
    ]);
  }

  /** Forgets every retained message below a topic, given with its last slash. */
  async purgeRetained(prefix: string): Promise<void> {
    await this.#retained.removeBelow(prefix);
  }

  /** From now on wills stay, whatever aedes says: the broker is closing, which is not the hosts' death. */
  keepWills(): void {
    this.#wills.keep();
  }

  async storeRetained(packet: QueuedPacket): Promise<void> {
    await this.#retained.store(packet);
  }

  createRetainedStream(filter: string): Readable {
    return this.createRetainedStreamCombi([filter]);
  }

  createRetainedStreamCombi(filters: readonly string[]): Readable {
    const retained = this.#retained;
    return Readable.from(
      (function* () {
        for (const filter of filters) yield* retained.matching(filter);
      })(),
    );
  }

  async addSubscriptions(client: ClientRef, subscriptions: readonly Subscription[]): Promise<void> {
    const allowed = subscriptions.filter(({ topic }) => this.#maySubscribe(client.id, topic));
    await this.#subscriptions.add(client.id, allowed);
  }

  async removeSubscriptions(client: ClientRef, filters: readonly string[]): Promise<void> {
    await this.#subscriptions.remove(client.id, filters);
  }

  async subscriptionsByClient(client: ClientRef): Promise<readonly Subscription[]> {
    return this.#subscriptions.ofClient(client.id);
  }

  async subscriptionsByTopic(topic: string): Promise<readonly { readonly clientId: string }[]> {
    return this.#subscriptions.matching(topic);
  }

  async cleanSubscriptions(client: ClientRef): Promise<void> {
    await this.#subscriptions.removeAll(client.id);
  }

  async countOffline(): Promise<{ readonly subsCount: number; readonly clientsCount: number }> {
    return this.#subscriptions.count();
  }

  getClientList(filter: string): Readable {
    return Readable.from(this.#subscriptions.clientsOf(filter));
  }

  async outgoingEnqueue(subscription: { readonly clientId: string }, packet: QueuedPacket): Promise<void> {
    await this.#outgoing.enqueue([subscription.clientId], packet);
  }

  async outgoingEnqueueCombi(subs: readonly { readonly clientId: string }[], packet: QueuedPacket): Promise<void> {
    const clientIds = subs.map(({ clientId }) => clientId);
    await this.#outgoing.enqueue(clientIds, packet);
  }

  async outgoingUpdate(client: ClientRef, packet: GivenPacket): Promise<void> {
    await this.#outgoing.update(client.id, packet);
  }

  async outgoingClearMessageId(client: ClientRef, packet: GivenPacket): Promise<GivenPacket | undefined> {
    return this.#outgoing.acknowledge(client.id, packet.messageId);
  }

  outgoingStream(client: ClientRef): Readable {
    return Readable.from(this.#outgoing.queued(client.id));
  }

  async incomingStorePacket(client: ClientRef, packet: QueuedPacket): Promise<void> {
    await this.#incoming.store(client.id, packet);
  }

  async incomingGetPacket(client: ClientRef, packet: GivenPacket): Promise<QueuedPacket> {
    const stored = this.#incoming.get(client.id, packet.messageId);
    if (!stored) throw new Error(`no unreleased message ${packet.messageId} of ${client.id}`);
    return stored;
  }

  async incomingDelPacket(client: ClientRef, packet: GivenPacket): Promise<void> {
    if (await this.#incoming.remove(client.id, packet.messageId)) return;
    throw new Error(`no unreleased message ${packet.messageId} of ${client.id}`);
  }

  async cleanIncoming(client: ClientRef): Promise<void> {
    await this.#incoming.removeAll(client.id);
  }

  async putWill(client: ClientRef, will: Will): Promise<void> {
    if (this.#broker === undefined) throw new Error("the persistence has no broker yet");
    await this.#wills.put(client, will, this.#broker.id);
  }

  async getWill(client: ClientRef): Promise<Will | undefined> {
    return this.#wills.get(client.id);
  }

  /**
   * Never rejects: aedes leaves that rejection to nobody when a client connects, and the process would end. A will that
   * stays is of a session that is over, and so means nothing to whoever hears of it.
   */
  async delWill(client: ClientRef): Promise<Will | undefined> {
    try {
      return await this.#wills.remove(client);
    } catch (error) {
      this.#log.warn({ host: client.id, error: messageOf(error) }, "a will could not be removed");
      return undefined;
    }
  }

  /**
   * Every will, or those left behind by brokers other than these. Ours are never left behind, though aedes, which judges by
   * the wall clock, takes its own broker for dead when that clock jumps.
   */
  streamWill(brokers?: Readonly<Record<string, unknown>>): Readable {
    const living = brokers === undefined ? [] : [...Object.keys(brokers), this.#broker?.id ?? ""];
    return Readable.from(this.#wills.left(living));
  }

  /** Commits what waits and closes the file. */
  async destroy(): Promise<void> {
    this.#writes.close();
    this.#database.close();
  }
}
