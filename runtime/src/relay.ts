import { connect, createServer, type Server, type Socket } from "node:net";

/** A stretch of network between two programs: a TCP relay on the loopback interface that can be cut or stalled. */
export class Relay {
  readonly #server: Server;
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  #target: () => number;
  #state: "up" | "cut" | "stalled" = "up";

  private constructor(target: () => number) {
    this.#target = target;
    this.#server = createServer((near) => this.#accept(near));
  }

  /** Relays to whatever port the target answers on at that moment, so a restarted program may have another. */
  static async to(target: () => number): Promise<Relay> {
    const relay = new Relay(target);
    await new Promise<void>((resolve, reject) => {
      relay.#server.once("error", reject).listen(0, "127.0.0.1", resolve);
    });
    return relay;
  }

  get port(): number {
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("the relay is closed");
    return address.port;
  }

  /** Ends every connection and lets none through until `restore`. */
  cut(): void {
    this.#state = "cut";
    for (const sockets of this.#pairs) for (const socket of sockets) socket.destroy();
  }

  /** Lets nothing pass either way, and tells nobody: a half-open connection, as a pulled cable leaves it. */
  stall(): void {
    this.#state = "stalled";
    for (const sockets of this.#pairs) for (const socket of sockets) socket.pause();
  }

  /** Connections made from now on get through; stalled ones are dead and end. */
  restore(): void {
    if (this.#state === "stalled") this.cut();
    this.#state = "up";
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #accept(near: Socket): void {
    if (this.#state === "cut") {
      near.destroy();
      return;
    }
    const far = connect(this.#target(), "127.0.0.1");
    const pair = [near, far] as const;
    this.#pairs.add(pair);
    const end = () => {
      this.#pairs.delete(pair);
      near.destroy();
      far.destroy();
    };
    for (const socket of pair) socket.on("error", end).on("close", end);
    near.on("data", (bytes) => far.write(bytes));
    far.on("data", (bytes) => near.write(bytes));
    if (this.#state === "stalled") for (const socket of pair) socket.pause();
  }
}
