import { PROTOCOL_VERSION, shakeHands } from "@holdfast/protocol/handshake";
import {
  type AgentStatus,
  type AgentUpdate,
  DOWN,
  hostTopic,
  type NodeStatus,
  nodeStatusTopic,
  UP,
} from "@holdfast/protocol/topics";
import { Fault, type Log, messageOf } from "@holdfast/runtime";
import mqtt from "mqtt";
import { AGENT_VERSION, CAPABILITIES } from "./version.ts";

export interface Address {
  readonly host: string;
  readonly port: number;
  readonly siteId: string;
  readonly hostId: string;
  readonly secret: string;
}

export interface LinkOptions {
  readonly address: Address;
  readonly session: string;
  readonly bootId: string;
  readonly log: Log;
  /** A message to this host, by the topic below its prefix. What it throws is logged. */
  readonly onMessage: (leaf: string, payload: Uint8Array) => void;
  /** The protocol that this agent speaks. */
  readonly protocolVersion?: number | undefined;
  readonly update?: AgentUpdate | undefined;
}

export interface Delivery {
  readonly qos: 0 | 1;
  readonly retain?: boolean;
}

/**
 * How a link ended: `refused` when the site does not know this host or its secret, or speaks another protocol; `elsewhere` when
 * another site answers, to which the secret was not shown.
 */
export interface Ending {
  readonly reason: string;
  readonly refused: "secret" | "version" | "elsewhere" | undefined;
}

/** The site says which protocol it speaks, and it is not one that the two can speak together (rule 23). */
class Unserved extends Error {}

/** One MQTT connection, from CONNECT to its end. It is never used again after that. */
export interface Link {
  readonly session: string;
  /** Resolves when the site has let us in, hears us and told us `online`; rejects when the link ended before. */
  readonly up: Promise<void>;
  /** Never rejects. */
  readonly over: Promise<Ending>;
  /** Resolves when it was written (QoS 0) or acknowledged (QoS 1); rejects when the link ended before. */
  publish(leaf: string, payload: Uint8Array | string, delivery: Delivery): Promise<void>;
  /** Says `offline` and disconnects, waiting for what is on its way. */
  leave(): Promise<void>;
  /** Drops the connection without a word, so that the broker publishes the will. */
  cut(): void;
}

const KEEPALIVE_SECONDS = 30;
const CONNECT_TIMEOUT = 15_000;
/** MQTT 3.1.1 §3.2.2.3: identifier rejected, bad user name or password, not authorized. */
const REFUSALS: readonly number[] = [2, 4, 5];

/** Opens one connection. Its will carries the same session as its `online`, so a late will of an older link says so. */
export function openLink(options: LinkOptions): Link {
  const { address, session, bootId, log, onMessage, protocolVersion = PROTOCOL_VERSION, update } = options;
  const { siteId, hostId } = address;
  const nodeStatus = nodeStatusTopic(siteId);
  const topic = (leaf: string) => hostTopic(siteId, hostId, leaf);
  const status = (state: AgentStatus["state"]) =>
    JSON.stringify({
      state,
      session,
      bootId,
      agent: AGENT_VERSION,
      protocol: protocolVersion,
      capabilities: CAPABILITIES,
      ...(update !== undefined && { update }),
    } satisfies AgentStatus);
  // An options object: with a URL text mqtt.js calls url.parse, which Node deprecates aloud.
  const client = mqtt.connect({
    protocol: "mqtt",
    host: address.host,
    port: address.port,
    protocolVersion: 4,
    clientId: hostId,
    username: hostId,
    password: address.secret,
    clean: false,
    keepalive: KEEPALIVE_SECONDS,
    connectTimeout: CONNECT_TIMEOUT,
    reconnectPeriod: 0,
    queueQoSZero: false,
    resubscribe: false,
    will: { topic: topic(UP.status), payload: Buffer.from(status("lost")), qos: 1, retain: true },
  });

  const waiting = new Set<(reason: Error) => void>();
  let ended = false;
  let failure: unknown;
  const over = new Promise<Ending>((resolve) => {
    client.on("close", () => {
      if (ended) return;
      ended = true;
      const reason = failure === undefined ? "the connection was closed" : messageOf(failure);
      for (const reject of waiting) reject(new Fault("Unavailable", reason));
      waiting.clear();
      resolve({ reason, refused: refusalIn(failure) });
    });
  });
  client.on("error", (error) => {
    failure ??= error;
  });
  client.on("message", (full, payload) => {
    if (full === nodeStatus) return hearSite(payload);
    const prefix = topic("");
    if (!full.startsWith(prefix)) return;
    try {
      onMessage(full.slice(prefix.length), payload);
    } catch (error) {
      log.error({ topic: full, error: messageOf(error) }, "handling a message failed");
    }
  });

  /** The site cuts off whom it cannot serve, without a word on why: that stands in what it says of itself. */
  function hearSite(payload: Uint8Array): void {
    const version = versionOf(payload);
    if (version === undefined) return;
    const ours = { version: protocolVersion, capabilities: CAPABILITIES };
    const hands = shakeHands({ version, capabilities: [] }, ours, "agent");
    if (hands.accepted) return;
    failure = new Unserved(hands.reason);
    client.end(true);
  }

  /** Rejects what the callback will never be called for: mqtt.js forgets its callbacks when the connection ends. */
  function untilOver<T>(start: (resolve: (value: T) => void, reject: (reason: Error) => void) => void): Promise<T> {
    return new Promise((resolve, reject) => {
      if (ended) return reject(new Fault("Unavailable", "not connected"));
      waiting.add(reject);
      start(
        (value) => {
          waiting.delete(reject);
          resolve(value);
        },
        (reason) => {
          waiting.delete(reject);
          reject(reason);
        },
      );
    });
  }

  function publish(leaf: string, payload: Uint8Array | string, { qos, retain = false }: Delivery): Promise<void> {
    const bytes = typeof payload === "string" ? payload : Buffer.from(payload);
    return untilOver((resolve, reject) => {
      client.publish(topic(leaf), bytes, { qos, retain }, (error) => (error ? reject(error) : resolve()));
    });
  }

  async function open(): Promise<void> {
    await untilOver<void>((resolve) => client.once("connect", () => resolve()));
    const filters = [...[DOWN.desired, DOWN.nextJob, DOWN.requests].map(topic), nodeStatus];
    const granted = await untilOver<mqtt.ISubscriptionGrant[]>((resolve, reject) => {
      client.subscribe(filters, { qos: 1 }, (error, grants = []) => (error ? reject(error) : resolve(grants)));
    });
    const refused = granted.filter((grant) => grant.qos === 128).map((grant) => grant.topic);
    if (refused.length > 0) log.error({ refused }, "the site lets this host not hear what it is told");
    await publish(UP.status, status("online"), { qos: 1, retain: true });
  }

  const up = open();
  up.catch(() => undefined);
  return {
    session,
    up,
    over,
    publish,
    leave: async () => {
      if (ended) return;
      await publish(UP.status, status("offline"), { qos: 1, retain: true }).catch(() => undefined);
      // Waits for what is not acknowledged yet, then sends DISCONNECT, which makes the broker forget the will.
      client.end();
      await over;
    },
    cut: () => {
      client.end(true);
    },
  };
}

function refusalIn(failure: unknown): Ending["refused"] {
  if (failure instanceof Unserved) return "version";
  return failure instanceof mqtt.ErrorWithReasonCode && REFUSALS.includes(failure.code) ? "secret" : undefined;
}

function versionOf(payload: Uint8Array): number | undefined {
  try {
    const { protocol } = JSON.parse(Buffer.from(payload).toString()) as Partial<NodeStatus>;
    return typeof protocol === "number" ? protocol : undefined;
  } catch {
    return undefined;
  }
}
