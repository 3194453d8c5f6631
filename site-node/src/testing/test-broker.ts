import { mkdtempSync, rmSync } from "node:fs";
import { connect as connectSocket, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { HostId, SiteId } from "@holdfast/protocol/ids";
import { hostTopic, type UpMessage } from "@holdfast/protocol/topics";
import { createLog, type Log, systemClock } from "@holdfast/runtime";
import { openSqlite } from "@holdfast/runtime/sqlite";
import mqtt, { type IClientOptions, type MqttClient } from "mqtt";
import { type Broker, type BrokerOptions, startBroker } from "../broker/broker.ts";

export const SITE = "site-00000001" as SiteId;
export const OSLO = "host-0000000a" as HostId;
export const BERGEN = "host-0000000b" as HostId;

export interface Heard {
  readonly from: HostId;
  readonly message: UpMessage;
  readonly text: string;
  readonly packet: { readonly retain: boolean; readonly qos: number; readonly will: boolean };
}

export interface TestClient extends AsyncDisposable {
  readonly mqtt: MqttClient;
  /** Topics and payloads that have arrived. */
  readonly got: { readonly topic: string; readonly text: string; readonly retain: boolean }[];
  readonly sessionPresent: boolean;
}

/** A site's broker on a free port of 127.0.0.1, with its file in a folder of its own, and what it has been told. */
export class TestBroker implements AsyncDisposable {
  readonly heard: Heard[] = [];
  readonly logged: Record<string, unknown>[] = [];
  readonly admitted = new Map<string, string>([
    [OSLO, "hfh_oslo"],
    [BERGEN, "hfh_bergen"],
  ]);
  readonly folder = mkdtempSync(join(tmpdir(), "holdfast-broker-"));
  readonly #log: Log = createLog("test", "debug", { write: (line) => void this.logged.push(JSON.parse(line)) });
  readonly #options: Partial<BrokerOptions>;
  #broker: Broker | undefined;

  constructor(options: Partial<BrokerOptions> = {}) {
    this.#options = options;
  }

  get broker(): Broker {
    if (!this.#broker) throw new Error("the test's broker has not been started");
    return this.#broker;
  }

  async start(options: Partial<BrokerOptions> = {}): Promise<this> {
    this.#broker = await startBroker({
      siteId: SITE,
      nodeName: "edge",
      listen: { host: "127.0.0.1", port: 0 },
      database: join(this.folder, "broker.db"),
      credentials: { admits: (host, secret) => this.admitted.get(host) === secret },
      onUp: async (from, message, payload, packet) => {
        this.heard.push({ from, message, text: payload.toString(), packet });
      },
      clock: systemClock,
      log: this.#log,
      ...this.#options,
      ...options,
    });
    return this;
  }

  /** Stops the broker as it would stop, and starts it anew on the same file. */
  async restart(options: Partial<BrokerOptions> = {}): Promise<void> {
    await this.broker.close();
    await this.start(options);
  }

  /** A host's session; rejects with mqtt.js' error when the connection is refused. */
  async connect(host: string, options: IClientOptions = {}): Promise<TestClient> {
    const password = this.admitted.get(host) ?? "none";
    const client = mqtt.connect({
      host: "127.0.0.1",
      port: this.broker.port,
      clientId: host,
      username: host,
      password,
      clean: false,
      reconnectPeriod: 0,
      connectTimeout: 5_000,
      ...options,
    });
    const got: { topic: string; text: string; retain: boolean }[] = [];
    client.on("message", (topic, payload, { retain }) => got.push({ topic, text: payload.toString(), retain }));
    const connack = new Promise<boolean>((resolve, reject) => {
      client.once("connect", ({ sessionPresent }) => resolve(sessionPresent));
      client.once("error", reject);
      client.once("close", () => reject(new Error("closed before it was connected")));
    });
    try {
      const sessionPresent = await connack;
      client.on("error", () => undefined);
      return { mqtt: client, got, sessionPresent, [Symbol.asyncDispose]: () => client.endAsync(true) };
    } catch (refused) {
      client.on("error", () => undefined);
      client.end(true);
      throw refused;
    }
  }

  /** A connection without MQTT of its own. */
  async socket(): Promise<Socket> {
    const socket = connectSocket(this.broker.port, "127.0.0.1");
    // Read on, or it never notices that the other side has closed.
    socket.on("error", () => undefined).resume();
    await new Promise<void>((resolve) => socket.once("connect", () => resolve()));
    return socket;
  }

  /** How many rows a table of the broker's file has. */
  rows(table: "will" | "outgoing" | "retained"): number {
    const database = openSqlite(join(this.folder, "broker.db"));
    try {
      return database.prepare<[], number>(`SELECT count(*) FROM ${table}`).pluck().get() ?? 0;
    } finally {
      database.close();
    }
  }

  /** What is retained on a topic. */
  retained(topic: string): string | undefined {
    const database = openSqlite(join(this.folder, "broker.db"));
    try {
      const row = database.prepare<[string], Buffer>("SELECT payload FROM retained WHERE topic = ?").pluck().get(topic);
      return row?.toString();
    } finally {
      database.close();
    }
  }

  /** What has been logged with this message. */
  said(message: string): Record<string, unknown>[] {
    return this.logged.filter(({ msg }) => msg === message);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#broker?.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export const own = (host: string, leaf: string): string => hostTopic(SITE, host, leaf);

/** Resolves when the condition holds; rejects when it has not within the time, in milliseconds. */
export async function until(what: string, holds: () => boolean, within = 5_000): Promise<void> {
  const deadline = performance.now() + within;
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`not within ${within} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

export const closed = (socket: { readonly destroyed: boolean } | { readonly connected: boolean }): boolean =>
  "connected" in socket ? !socket.connected : socket.destroyed;

/** A CONNECT of MQTT 3.1.1 (§3.1) with a clean session, for connections that do nothing by themselves. */
export function connectPacket(host: string, password: string, keepalive: number): Buffer {
  const text = (value: string) => Buffer.concat([Buffer.from([0, value.length]), Buffer.from(value)]);
  const flags = Buffer.from([4, 0xc2, keepalive >> 8, keepalive & 0xff]);
  const body = Buffer.concat([text("MQTT"), flags, text(host), text(host), text(password)]);
  return Buffer.concat([Buffer.from([0x10, body.length]), body]);
}
