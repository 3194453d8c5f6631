import { once } from "node:events";
import { createServer, type Server } from "node:net";
import type { Duplex } from "node:stream";
import { DiskWatch } from "@holdfast/inventory";
import { PROTOCOL_VERSION } from "@holdfast/protocol/handshake";
import type { HostId, SiteId } from "@holdfast/protocol/ids";
import { hostTopic, maySubscribe, type NodeStatus, nodeStatusTopic } from "@holdfast/protocol/topics";
import { type Clock, type Log, listenFault, messageOf } from "@holdfast/runtime";
import { Aedes, type AedesOptions, type Client } from "aedes";
import { type Credentials, mayReceive } from "./access.ts";
import { Deliveries } from "./deliveries.ts";
import { Door } from "./door.ts";
import { Inbound, type UpHandler } from "./inbound.ts";
import { type BrokerLimits, DEFAULT_LIMITS } from "./limits.ts";
import { SqlitePersistence } from "./persistence.ts";

export interface BrokerOptions {
  readonly siteId: SiteId;
  readonly nodeName: string;
  readonly listen: { readonly host: string; readonly port: number };
  /** Path of the broker's own SQLite file. */
  readonly database: string;
  readonly credentials: Credentials;
  readonly onUp: UpHandler;
  readonly clock: Clock;
  readonly log: Log;
  readonly limits?: Partial<BrokerLimits>;
  /** The protocol that the site speaks, as agents are told. */
  readonly protocolVersion?: number | undefined;
}

/** The site's MQTT 3.1.1 broker. Hosts alone connect to it; the site speaks through `publish` and listens by `onUp`. */
export interface Broker {
  /** The bound port. */
  readonly port: number;
  /** Resolves when the message is durable for every session it is for (QoS 1) and as retained; not when it has arrived. */
  publish(topic: string, payload: Uint8Array | string, options: PublishOptions): Promise<void>;
  /** Whether the disk takes what sessions and retained messages are kept in. */
  readonly disk: Pick<DiskWatch, "trouble">;
  /** The hosts with a live session now. */
  connected(): readonly HostId[];
  /** Ends a host's connection at once. Whether it may come back is for the credentials to say. */
  disconnect(hostId: string, reason: string): Promise<void>;
  /** Disconnects a host and drops its session, its queue, and what is retained below its prefix. */
  forget(hostId: string): Promise<void>;
  /** Takes a connection that does not come from the port. */
  attach(stream: Duplex): void;
  close(): Promise<void>;
}

export interface PublishOptions {
  readonly qos: 0 | 1;
  readonly retain?: boolean;
}

/** A broker that listens and has said so in its retained status. Faults with FailedPrecondition when the port is taken. */
export async function startBroker(options: BrokerOptions): Promise<Broker> {
  const broker = new SiteBroker(options);
  try {
    await broker.start();
  } catch (cause) {
    await broker.close();
    throw listenFault(cause, "--mqtt-port", options.listen.port);
  }
  return broker;
}

/** Whether a client's CONNECT has been answered; a property that aedes does not declare. */
function isAnswered(client: Client): boolean {
  return (client as Client & { readonly connackSent: boolean }).connackSent;
}

class SiteBroker implements Broker {
  readonly disk: DiskWatch;
  readonly #options: BrokerOptions;
  readonly #limits: BrokerLimits;
  readonly #door: Door;
  readonly #persistence: SqlitePersistence;
  readonly #inbound: Inbound;
  readonly #deliveries = new Deliveries();
  readonly #aedes: Aedes;
  readonly #server: Server;
  #started = false;
  #closed: Promise<void> | undefined;

  constructor(options: BrokerOptions) {
    const { siteId, credentials, clock, log, onUp } = options;
    const limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#options = options;
    this.#limits = limits;
    this.#door = new Door({ siteId, credentials, limits, clock, log });
    const tryWriting = () => this.#persistence.tryWriting();
    const tend = async () => this.#persistence.tend();
    this.disk = new DiskWatch({ file: "broker.db", tryWriting, tend, clock, log });
    this.#persistence = new SqlitePersistence({
      path: options.database,
      limits,
      log,
      maySubscribe: (host, filter) => maySubscribe(siteId, host, filter),
      onFailure: (cause) => this.disk.refused(cause),
      onCommit: () => this.disk.taken(),
    });
    const { unhandledMessages } = limits;
    this.#inbound = new Inbound({ siteId, onUp, persistence: this.#persistence, unhandledMessages, clock, log });
    this.#aedes = new Aedes(this.#aedesOptions());
    this.#server = createServer({ noDelay: true, keepAlive: true }, (socket) =>
      this.#take(socket, socket.remoteAddress),
    );
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === "object" && address ? address.port : 0;
  }

  async start(): Promise<void> {
    const { log, listen } = this.#options;
    await this.#aedes.listen();
    this.#aedes.on("clientReady", (client) => log.info({ host: client.id }, "a host is connected"));
    this.#aedes.on("clientError", (client, error) => {
      log.warn({ host: client.id, error: messageOf(error) }, "a host's connection was ended");
    });
    this.#aedes.on("connectionError", (_client, error) => this.#door.ended(error));
    // Faults that aedes has nobody to tell of: an old will that could not be handled, which it will try again.
    this.#aedes.addListener("error", (error: unknown) => log.error({ error: messageOf(error) }, "the broker failed"));
    this.#server.listen(listen.port, listen.host);
    await once(this.#server, "listening");
    this.#server.on("error", (error) => log.error({ error: messageOf(error) }, "the broker's port failed"));
    this.#started = true;
    await this.#say("online");
    log.info({ host: listen.host, port: this.port }, "the broker listens");
  }

  async publish(topic: string, payload: Uint8Array | string, { qos, retain = false }: PublishOptions): Promise<void> {
    const packet = { cmd: "publish" as const, topic, payload: Buffer.from(payload), qos, retain, dup: false };
    await new Promise<void>((resolve, reject) => {
      this.#aedes.publish(packet, (error) => (error ? reject(error) : resolve()));
    });
  }

  connected(): readonly HostId[] {
    return this.#door.connected();
  }

  async disconnect(hostId: string, reason: string): Promise<void> {
    const clients = this.#door.clientsOf(hostId);
    if (clients.length === 0) return;
    this.#options.log.info({ host: hostId, reason }, "disconnecting a host");
    await Promise.all(clients.map((client) => new Promise<void>((resolve) => client.close(resolve))));
  }

  async forget(hostId: string): Promise<void> {
    await this.disconnect(hostId, "the host is forgotten");
    // Its last words may still be on their way to the retained store.
    await this.#inbound.settled(hostId);
    await this.#persistence.purgeClient(hostId);
    await this.#persistence.purgeRetained(hostTopic(this.#options.siteId, hostId, ""));
  }

  attach(stream: Duplex): void {
    this.#take(stream);
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    const { clock } = this.#options;
    this.#door.shut();
    const serverClosed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    // Hosts do not die of our stopping; who does not come back after the next start is lost then.
    this.#inbound.refuseWills();
    this.#persistence.keepWills();
    const done = new AbortController();
    const enough = clock.sleep(this.#limits.farewell, done.signal).catch(() => undefined);
    if (this.#started) {
      await this.#say("offline").catch(() => undefined);
      await Promise.race([this.#deliveries.idle(), enough]);
    }
    await new Promise<void>((resolve) => (this.#aedes.closed ? resolve() : this.#aedes.close(resolve)));
    this.#door.cutAll();
    await Promise.race([this.#inbound.allSettled(), enough]);
    done.abort();
    await serverClosed;
    await this.disk.close();
    await this.#persistence.destroy();
  }

  #take(stream: Duplex, address?: string): void {
    const connection = this.#door.take(stream, address);
    if (connection) this.#aedes.handle(connection);
  }

  #aedesOptions(): AedesOptions {
    const { siteId } = this.#options;
    const { connectTimeout, drainTimeout, keepalive, heartbeatInterval } = this.#limits;
    return {
      persistence: this.#persistence,
      mq: this.#deliveries.emitter,
      connectTimeout,
      drainTimeout,
      keepaliveLimit: keepalive / 1_000,
      heartbeatInterval,
      // The deepest of ours has seven: e/v1/{site}/{host}/jobs/{id}/status.
      maxTopicLevels: 8,
      preConnect: this.#door.admit,
      authenticate: (client, _username, _password, callback) => callback(null, this.#door.isAdmitted(client)),
      authorizePublish: this.#inbound.authorize,
      authorizeSubscribe: (client, subscription, callback) => {
        // No subscription means 0x80 in the SUBACK, MQTT 3.1.1 §3.9.3.
        callback(null, maySubscribe(siteId, client.id, subscription.topic) ? subscription : null);
      },
      authorizeForward: (client, packet) => {
        if (!mayReceive(siteId, client.id, packet.topic)) return null;
        // aedes takes up a session's subscriptions before it has sent the CONNACK, which must be the first packet (MQTT
        // 3.1.1 §3.2). What comes in between is in the session's queue, and goes out with it.
        if (!isAnswered(client)) return null;
        const unsent = client.conn.writableLength;
        if (unsent > this.#limits.unsentBytes) client.conn.destroy(new Error(`it leaves ${unsent} bytes unread`));
        return packet;
      },
    };
  }

  async #say(state: NodeStatus["state"]): Promise<void> {
    const { nodeName, siteId, protocolVersion: protocol = PROTOCOL_VERSION } = this.#options;
    const status: NodeStatus = { state, node: nodeName, protocol, capabilities: [] };
    await this.publish(nodeStatusTopic(siteId), JSON.stringify(status), { qos: 1, retain: true });
  }
}
