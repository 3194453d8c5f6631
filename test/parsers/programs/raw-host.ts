import { once } from "node:events";
import type { Duplex } from "node:stream";
import type { Broker } from "@holdfast/site-node/broker/broker";
import { connect, publish, type Who } from "../mqtt-bytes.ts";
import { Broken } from "../target.ts";
import { streamPair } from "./stream-pair.ts";

const PUBACK = 0x40;
const CONNACK = 0x20;
/** Seconds, as long as a broker takes: on a machine that is busy, minutes may pass between two words. */
const LONGEST_KEEPALIVE = 300;

/** A host's connection that says what it is told to, and hears what is acknowledged. */
export class RawHost {
  readonly #stream: Duplex;
  readonly #waiting = new Map<number, (acknowledged: boolean) => void>();
  #admitted = Promise.withResolvers<boolean>();
  #id = 0;

  private constructor(stream: Duplex) {
    this.#stream = stream;
    stream.on("data", (chunk: Buffer) => this.#hear(chunk));
    stream.once("close", () => {
      this.#admitted.resolve(false);
      for (const resolve of this.#waiting.values()) resolve(false);
      this.#waiting.clear();
    });
  }

  static async connect(broker: Pick<Broker, "attach">, who: Who): Promise<RawHost> {
    const [ours, theirs] = streamPair();
    broker.attach(theirs);
    const host = new RawHost(ours);
    ours.write(connect(who, { keepalive: LONGEST_KEEPALIVE }));
    if (!(await host.#admitted.promise)) throw new Broken("a host that is known is not let in");
    return host;
  }

  get isClosed(): boolean {
    return this.#stream.destroyed;
  }

  /** Publishes with QoS 1. Resolves when that is acknowledged, to false when the connection ends before. */
  say(topic: string, payload: Uint8Array, options: { readonly retain?: boolean } = {}): Promise<boolean> {
    this.#id = (this.#id % 0xffff) + 1;
    const id = this.#id;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    if (this.isClosed) return Promise.resolve(false);
    this.#waiting.set(id, resolve);
    this.#stream.write(publish(topic, payload, { qos: 1, id, retain: options.retain ?? false }));
    return promise;
  }

  async end(): Promise<void> {
    if (this.isClosed) return;
    this.#stream.destroy();
    await once(this.#stream, "close");
  }

  /** Packets of a host without subscriptions are short: each begins where the one before ended. */
  #hear(chunk: Buffer): void {
    for (let at = 0; at + 1 < chunk.length; at += 2 + (chunk[at + 1] ?? 0)) {
      const type = (chunk[at] ?? 0) & 0xf0;
      if (type === CONNACK) this.#admitted.resolve(chunk[at + 3] === 0);
      if (type !== PUBACK) continue;
      const id = chunk.readUInt16BE(at + 2);
      this.#waiting.get(id)?.(true);
      this.#waiting.delete(id);
    }
  }
}
