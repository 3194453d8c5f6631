import { connect, type Socket } from "node:net";
import {
  CONNACK,
  type Connect,
  connectPacket,
  PacketReader,
  PINGREQ,
  PUBACK,
  PUBLISH,
  pubackPacket,
  publishPacket,
  readPublish,
  SUBACK,
  subscribePacket,
} from "./mqtt-packets.ts";

export interface ClientOptions extends Connect {
  readonly port: number;
  /** Where it comes from; a broker counts connections by address, and all of 127.0.0.0/8 is this machine. */
  readonly localAddress?: string;
  readonly onMessage?: (topic: string, payload: Buffer, client: MqttClient) => void;
  /** Told when the connection has ended. */
  readonly onEnd?: (reason: Error) => void;
}

/** An MQTT client that costs next to nothing. A connection that ends is a fault of the run. */
export class MqttClient {
  readonly #socket: Socket;
  readonly #reader = new PacketReader();
  readonly #onMessage: ClientOptions["onMessage"];
  readonly #onEnd: ClientOptions["onEnd"];
  readonly #acknowledged = new Map<number, (failure?: Error) => void>();
  #answered: ((failure?: Error) => void) | undefined;
  #failure: Error | undefined;
  #id = 0;

  private constructor(socket: Socket, { onMessage, onEnd }: Pick<ClientOptions, "onMessage" | "onEnd">) {
    this.#socket = socket;
    this.#onMessage = onMessage;
    this.#onEnd = onEnd;
    socket.setNoDelay(true);
    socket.on("data", (bytes) => {
      for (const packet of this.#reader.take(bytes)) this.#take(packet);
    });
    socket.on("error", (error) => this.#fail(error));
    socket.on("close", () => this.#fail(new Error("the broker ended a connection")));
  }

  /** Resolves when the broker has let it in and taken its subscriptions. */
  static async open(options: ClientOptions, filters: readonly string[]): Promise<MqttClient> {
    const { port, localAddress } = options;
    const socket = connect({ port, host: "127.0.0.1", ...(localAddress === undefined ? {} : { localAddress }) });
    const client = new MqttClient(socket, options);
    await client.#request(connectPacket(options));
    if (filters.length > 0) await client.#request(subscribePacket(filters));
    return client;
  }

  get isOpen(): boolean {
    return this.#failure === undefined;
  }

  /** QoS 1: resolves when it is acknowledged; rejects when the connection ends before. */
  publish(topic: string, payload: Uint8Array, retain?: true): Promise<void> {
    this.#id = (this.#id % 65_535) + 1;
    const id = this.#id;
    this.#socket.write(publishPacket({ topic, payload, id, ...(retain ? { retain } : {}) }));
    return new Promise((resolve, reject) => {
      this.#acknowledged.set(id, (failure) => (failure ? reject(failure) : resolve()));
    });
  }

  /** QoS 0. */
  say(topic: string, payload: Uint8Array): void {
    this.#socket.write(publishPacket({ topic, payload }));
  }

  ping(): void {
    this.#socket.write(PINGREQ);
  }

  end(): void {
    this.#socket.destroy();
  }

  async #request(bytes: Buffer): Promise<void> {
    if (this.#failure) throw this.#failure;
    this.#socket.write(bytes);
    await new Promise<void>((resolve, reject) => {
      this.#answered = (failure) => (failure ? reject(failure) : resolve());
    });
  }

  #take(packet: { readonly type: number; readonly flags: number; readonly body: Buffer }): void {
    if (packet.type === PUBACK) {
      const id = packet.body.readUInt16BE(0);
      this.#acknowledged.get(id)?.();
      this.#acknowledged.delete(id);
    } else if (packet.type === PUBLISH) {
      const { topic, id, payload } = readPublish(packet);
      if (id !== undefined) this.#socket.write(pubackPacket(id));
      this.#onMessage?.(topic, payload, this);
    } else if (packet.type === CONNACK || packet.type === SUBACK) {
      const refused = packet.type === CONNACK ? packet.body[1] !== 0 : packet.body.includes(0x80, 2);
      this.#answered?.(refused ? new Error(`refused: ${packet.body.toString("hex")}`) : undefined);
    }
  }

  #fail(error: Error): void {
    if (this.#failure) return;
    this.#failure = error;
    this.#answered?.(error);
    for (const acknowledged of this.#acknowledged.values()) acknowledged(error);
    this.#onEnd?.(error);
  }
}
