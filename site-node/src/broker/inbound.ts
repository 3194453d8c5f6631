import type { HostId, SiteId } from "@holdfast/protocol/ids";
import type { UpMessage } from "@holdfast/protocol/topics";
import { type Clock, Fault, type Log, messageOf, minutes } from "@holdfast/runtime";
import type { AedesOptions, Client, PublishPacket } from "aedes";
import { judgePublish } from "./access.ts";
import { Lanes } from "./lanes.ts";
import { GuardedConnection } from "./packet-guard.ts";
import type { SqlitePersistence } from "./persistence.ts";
import { Sparingly } from "./sparingly.ts";

/** Who takes what hosts say. Resolving means that the site has it durably; a message it cannot read it must resolve too. */
export type UpHandler = (
  from: HostId,
  message: UpMessage,
  payload: Buffer,
  packet: { readonly retain: boolean; readonly qos: 0 | 1 | 2; readonly will: boolean },
) => Promise<void>;

export interface InboundOptions {
  readonly siteId: SiteId;
  readonly onUp: UpHandler;
  readonly persistence: SqlitePersistence;
  readonly unhandledMessages: number;
  readonly clock: Clock;
  readonly log: Log;
}

type Authorize = NonNullable<AedesOptions["authorizePublish"]>;

/**
 * What hosts publish, on its way to the site. aedes acknowledges a QoS 1 publication right after it has been
 * authorised, before it stores or forwards anything; so authorising is where it is handled, and an acknowledgement
 * means that the site and the retained store have it. Each host has a lane: in order within, none waits for another's.
 */
export class Inbound {
  readonly #options: InboundOptions;
  readonly #lanes = new Lanes();
  readonly #sparingly: Sparingly;
  /** Connections of which a publication could not be handled: nothing after it may be, until the host sends it again. */
  readonly #broken = new WeakSet<Client>();
  #closing = false;

  constructor(options: InboundOptions) {
    this.#options = options;
    this.#sparingly = new Sparingly(options.clock, minutes(1));
  }

  readonly authorize: Authorize = (client, packet, callback) => {
    const { siteId, log } = this.#options;
    // aedes hands a publication over as its parser's packet, which has a cmd, and a will as the CONNECT's, which has none.
    const will = packet.cmd === undefined;
    const publication = judgePublish(siteId, client?.id ?? authorOf(packet), packet);
    if (!publication.allowed) {
      callback(new Error(`published to ${packet.topic.slice(0, 200)}: ${publication.reason}`));
      return;
    }
    if (will && this.#closing) {
      callback(new Error("the broker is closing, which is not the host's end"));
      return;
    }
    const { from, message } = publication;
    const handled = this.#lanes.run(from, () => this.#handle({ client, from, message, packet, will }));
    this.#throttle(client, from);
    handled
      .finally(() => this.#throttle(client, from))
      .then(
        () => callback(null),
        (cause) => callback(cause instanceof Error ? cause : new Error(String(cause))),
      )
      .catch((error) => log.error({ host: from, error: messageOf(error) }, "a host's publication was not finished"));
  };

  /** Resolves when what a host has said so far is handled. */
  settled(host: string): Promise<void> {
    return this.#lanes.settled(host);
  }

  /** From now on no will is published. */
  refuseWills(): void {
    this.#closing = true;
  }

  allSettled(): Promise<void> {
    return this.#lanes.allSettled();
  }

  async #handle(up: Up): Promise<void> {
    const { onUp, log } = this.#options;
    const { client, from, message, packet, will } = up;
    if (client && this.#broken.has(client) && !will) throw new Error("an earlier publication was not handled");
    const { retain = false, qos = 0 } = packet;
    // A repeat of QoS 2 has been handled; aedes sees that too, but later.
    if (client && qos === 2 && !will && (await this.#isRepeat(client, packet))) return;
    try {
      await onUp(from, message, asBuffer(packet.payload), { retain, qos, will });
    } catch (cause) {
      if (qos === 0 && !will) {
        const about = { host: from, message: message.is, error: messageOf(cause) };
        this.#sparingly.say(`${from} ${message.is}`, (heldBack) => {
          log.warn({ ...about, heldBack }, "a message of QoS 0 was lost");
        });
        return;
      }
      if (client) this.#broken.add(client);
      throw new Error(`handling ${message.is} of ${from}`, { cause });
    }
    if (!retain) return;
    await this.#retain(packet, from);
    // It is stored: aedes would do it once more, after the acknowledgement.
    packet.retain = false;
  }

  async #isRepeat(client: Client, packet: PublishPacket): Promise<boolean> {
    return this.#options.persistence.incomingGetPacket(client, { cmd: "publish", messageId: packet.messageId }).then(
      () => true,
      () => false,
    );
  }

  async #retain({ topic, payload, qos = 0 }: PublishPacket, host: string): Promise<void> {
    try {
      await this.#options.persistence.storeRetained({ cmd: "publish", topic, payload, qos, retain: true, dup: false });
    } catch (cause) {
      // The site has the message: refusing it now would make the host repeat it for ever.
      if (!(cause instanceof Fault && cause.code === "ResourceExhausted")) throw cause;
      this.#options.log.error({ host, topic, error: cause.message }, "a message was not retained");
    }
  }

  /** A host that says more than is handled is not read until it is. */
  #throttle(client: Client | null, host: string): void {
    if (!(client?.conn instanceof GuardedConnection)) return;
    const depth = this.#lanes.depth(host);
    if (depth > this.#options.unhandledMessages) client.conn.hold();
    else if (depth <= this.#options.unhandledMessages / 2) client.conn.release();
  }
}

interface Up {
  readonly client: Client | null;
  readonly from: HostId;
  readonly message: UpMessage;
  readonly packet: PublishPacket;
  readonly will: boolean;
}

/** Whose will it is, that a former process has left behind. */
function authorOf(packet: object): string {
  return "clientId" in packet ? String(packet.clientId) : "";
}

function asBuffer(payload: Buffer | string): Buffer {
  return typeof payload === "string" ? Buffer.from(payload) : payload;
}
