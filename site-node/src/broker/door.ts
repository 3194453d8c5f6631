import type { Duplex } from "node:stream";
import { type HostId, isHostId, type SiteId } from "@holdfast/protocol/ids";
import { type Clock, type Log, minutes } from "@holdfast/runtime";
import type { AedesOptions, Client } from "aedes";
import { type Credentials, judgeConnect } from "./access.ts";
import { ConnectionCount } from "./connection-count.ts";
import type { BrokerLimits } from "./limits.ts";
import { GuardedConnection } from "./packet-guard.ts";
import { Sparingly } from "./sparingly.ts";

export interface DoorOptions {
  readonly siteId: SiteId;
  readonly credentials: Credentials;
  readonly limits: BrokerLimits;
  readonly clock: Clock;
  readonly log: Log;
}

/** A CONNECT that was answered with a refusal, and logged. */
export class ConnectRefused extends Error {}

/** Who gets in: counts connections, guards them, judges each CONNECT, and knows whose connections there are. */
export class Door {
  readonly #options: DoorOptions;
  readonly #count: ConnectionCount;
  readonly #sparingly: Sparingly;
  readonly #connections = new Set<GuardedConnection>();
  /** From CONNECT accepted to connection closed; aedes' own list loses the newer of two that pass each other. */
  readonly #sessions = new Map<HostId, Set<Client>>();
  #shut = false;

  constructor(options: DoorOptions) {
    this.#options = options;
    this.#count = new ConnectionCount(options.limits);
    this.#sparingly = new Sparingly(options.clock, minutes(1));
  }

  /** The connection as the broker is to see it; undefined when it was closed, being one too many. */
  take(stream: Duplex, address?: string): GuardedConnection | undefined {
    const refused = this.#shut ? "the broker is closing" : this.#count.enter(address);
    if (refused) {
      this.#warn(`${address} ${refused}`, { address, refused }, "a connection was not taken");
      stream.on("error", () => undefined).destroy();
      return undefined;
    }
    const connection = new GuardedConnection(stream, this.#options.limits);
    this.#connections.add(connection);
    connection.once("close", () => {
      this.#connections.delete(connection);
      this.#count.leave(address);
    });
    return connection;
  }

  /** aedes' preConnect: judges a CONNECT before aedes makes anything of it, so a refused client touches no session. */
  readonly admit: NonNullable<AedesOptions["preConnect"]> = (client, packet, callback) => {
    // Other versions are aedes' to refuse, with the code for that.
    if (packet.protocolVersion !== 4) {
      callback(null, true);
      return;
    }
    const verdict = judgeConnect(this.#options.siteId, packet, this.#options.credentials);
    if (verdict.admitted) {
      this.#enter(verdict.host, client);
      callback(null, true);
      return;
    }
    const { code, reason } = verdict;
    const clientId = packet.clientId.slice(0, 64);
    this.#warn(`${clientId} ${reason}`, { clientId, reason }, "a connection was refused");
    // CONNACK, MQTT 3.1.1 §3.2.
    client.conn.end(Buffer.from([0x20, 2, 0, code]));
    callback(new ConnectRefused(reason), false);
  };

  isAdmitted(client: Client): boolean {
    return isHostId(client.id) && this.#sessions.get(client.id)?.has(client) === true;
  }

  /** Every connection of a host; two while one takes over from the other. */
  clientsOf(hostId: string): readonly Client[] {
    return isHostId(hostId) ? [...(this.#sessions.get(hostId) ?? [])] : [];
  }

  connected(): readonly HostId[] {
    const live = [...this.#sessions].filter(([, clients]) => [...clients].some((it) => it.connected && !it.closed));
    return live.map(([host]) => host);
  }

  /** A connection that ended before it was a host's. */
  ended(error: Error): void {
    if (error instanceof ConnectRefused) return;
    this.#warn(error.message, { error: error.message }, "a connection was ended before it was a host's");
  }

  /** Takes nobody from now on. */
  shut(): void {
    this.#shut = true;
  }

  /** Cuts every connection, a host's or not. */
  cutAll(): void {
    for (const connection of this.#connections) connection.destroy();
  }

  #enter(host: HostId, client: Client): void {
    const clients = this.#sessions.get(host) ?? new Set();
    this.#sessions.set(host, clients.add(client));
    client.conn.once("close", () => {
      this.#options.log.info({ host }, "a host's connection has closed");
      clients.delete(client);
      if (clients.size === 0 && this.#sessions.get(host) === clients) this.#sessions.delete(host);
    });
  }

  #warn(subject: string, fields: Record<string, unknown>, message: string): void {
    this.#sparingly.say(subject, (heldBack) => this.#options.log.warn({ ...fields, heldBack }, message));
  }
}
