import { AsyncLocalStorage } from "node:async_hooks";
import { Duplex } from "node:stream";
import { betweenKillPoints, Program } from "./program.ts";
import type { Random } from "./seeded-random.ts";
import type { VirtualTime } from "./virtual-time.ts";
import { whatIsSent } from "./what-is-sent.ts";

export interface WireOptions {
  readonly time: VirtualTime;
  readonly random: Random;
  readonly remotePort?: number | undefined;
}

const { setImmediate: turnOfThePlatform } = globalThis;

/** The first letter of each method of HTTP that is used. */
const BEGINS_A_REQUEST = /[GPD]/;

type Done = (error?: Error | null) => void;

/** Milliseconds that bytes are on their way. */
const SHORTEST = 0.1;
const LONGEST = 2;

/**
 * One end of a TCP connection of a simulation, as Node's sockets are. Bytes come in order, a little later; a reader who does
 * not read holds the writer up. When its program is killed the other end is reset, as by the kernel of a machine that stays on.
 */
export class Wire extends Duplex {
  readonly #options: WireOptions;
  readonly #inContext = AsyncLocalStorage.snapshot();
  readonly #program = Program.current;
  readonly #disown: (() => void) | undefined;
  #peer: Wire | undefined;
  #arrivesAt = 0;
  #taken: Done | undefined;
  #idle: { limit: number; heardAt: number; callOff: () => void } | undefined;
  connecting = false;
  readonly remoteAddress = "127.0.0.1";
  readonly remoteFamily = "IPv4";
  readonly remotePort: number;
  readonly localAddress = "127.0.0.1";
  readonly localPort = 0;
  bytesRead = 0;
  bytesWritten = 0;
  /** The last request that came, if this is HTTP. */
  #asked: Buffer | undefined;

  constructor(options: WireOptions) {
    super({ allowHalfOpen: false, emitClose: true });
    this.#options = options;
    this.remotePort = options.remotePort ?? 0;
    this.#disown = this.#program?.owns(() => this.#die());
  }

  /** Joins two ends. */
  static join(one: Wire, other: Wire): void {
    one.#peer = other;
    other.#peer = one;
  }

  /** The connection could not be had, or is: tells whoever asked for it. */
  settle(failure?: Error): void {
    if (this.destroyed) return;
    this.connecting = false;
    this.#inContext(() => {
      if (failure) {
        this.destroy(failure);
        return;
      }
      this.emit("connect");
      this.emit("ready");
      this.#uncorkAll();
    });
  }

  override _read(): void {
    const peer = this.#peer;
    if (peer) peer.#release();
  }

  override _write(chunk: Buffer, encoding: BufferEncoding, done: Done): void {
    const bytes = typeof chunk === "string" ? Buffer.from(chunk, encoding) : chunk;
    if (this.connecting) {
      this.once("connect", () => this._write(bytes, encoding, done));
      return;
    }
    if (this.#program?.isAlive === false) return;
    this.bytesWritten += bytes.length;
    this.#active();
    try {
      const send = () => this.#deliver((peer) => peer.#receive(Buffer.from(bytes)), done);
      betweenKillPoints("send", send, () => this.#told(bytes));
    } catch {
      // Killed: nobody is left to be told.
    }
  }

  /** What is sent, and to what it is an answer, as far as can be seen. */
  #told(bytes: Buffer): string {
    const sent = whatIsSent(bytes);
    return this.#asked && sent.includes("answer") ? `${sent} to ${whatIsSent(this.#asked)}` : sent;
  }

  override _writev(chunks: { chunk: Buffer | string; encoding: BufferEncoding }[], done: Done): void {
    const parts = chunks.map(({ chunk, encoding }) =>
      typeof chunk === "string" ? Buffer.from(chunk, encoding) : chunk,
    );
    this._write(Buffer.concat(parts), "binary", done);
  }

  override _final(done: Done): void {
    if (this.connecting) {
      this.once("connect", () => this._final(done));
      return;
    }
    this.#deliver((peer) => peer.#end());
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#disown?.();
    this.#idle?.callOff();
    this.#idle = undefined;
    const wasWhole = this.readableEnded && this.writableFinished;
    if (!wasWhole) this.#deliver((peer) => (error ? peer.#reset() : peer.#end()));
    done(error);
  }

  destroySoon(): void {
    if (this.writable) this.end();
    if (this.writableFinished) this.destroy();
    else this.once("finish", () => this.destroy());
  }

  resetAndDestroy(): this {
    return this.destroy(failureOf("ECONNRESET", "read"));
  }

  setTimeout(limit: number, onTimeout?: () => void): this {
    this.#idle?.callOff();
    this.#idle = undefined;
    if (limit > 0) {
      this.#idle = { limit, heardAt: 0, callOff: () => undefined };
      if (onTimeout) this.once("timeout", onTimeout);
      this.#active();
      this.#watchIdle(limit);
    } else if (onTimeout) this.off("timeout", onTimeout);
    return this;
  }

  setNoDelay(): this {
    return this;
  }

  setKeepAlive(): this {
    return this;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  address() {
    return { address: this.localAddress, family: "IPv4", port: this.localPort };
  }

  get pending(): boolean {
    return this.connecting;
  }

  get readyState(): string {
    return this.connecting ? "opening" : this.destroyed ? "closed" : "open";
  }

  #uncorkAll(): void {
    while (this.writableCorked > 0) this.uncork();
  }

  /** Brings something to the other end after all that was sent before. */
  #deliver(bring: (peer: Wire) => void, done?: Done): void {
    const { time, random } = this.#options;
    const peer = this.#peer;
    if (!peer) return;
    this.#arrivesAt = Math.max(this.#arrivesAt, time.now() + SHORTEST + random() * (LONGEST - SHORTEST));
    time.after(this.#arrivesAt - time.now(), () => {
      bring(peer);
      if (!done) return;
      if (peer.readableFlowing === false && peer.readableLength > peer.readableHighWaterMark) this.#taken = done;
      else this.#inContext(done);
    });
  }

  #release(): void {
    const taken = this.#taken;
    this.#taken = undefined;
    if (taken && this.#program?.isAlive !== false) this.#inContext(taken);
  }

  #receive(bytes: Buffer): void {
    if (this.destroyed || this.#program?.isAlive === false) {
      this.#deliver((peer) => peer.#reset());
      return;
    }
    this.bytesRead += bytes.length;
    if (BEGINS_A_REQUEST.test(String.fromCharCode(bytes[0] ?? 0))) this.#asked = bytes;
    this.#active();
    this.#inContext(() => this.push(bytes));
  }

  #end(): void {
    if (this.destroyed || this.#program?.isAlive === false) return;
    this.#inContext(() => {
      this.push(null);
      // Who reads no more would never learn of the end.
      if (this.readableFlowing !== false) this.resume();
    });
  }

  #reset(): void {
    if (this.destroyed || this.#program?.isAlive === false) return;
    this.#inContext(() => this.destroy(failureOf("ECONNRESET", "read")));
  }

  #die(): void {
    this.removeAllListeners();
    this.on("error", () => undefined);
    this.#idle?.callOff();
    this.#deliver((peer) => peer.#reset());
    turnOfThePlatform(() => this.#closeParser());
  }

  /**
   * Node's parser of HTTP is native: it lives with all that it knows until it is closed, which Node does when the connection
   * is. Of a dead program nothing hears that any more.
   */
  #closeParser(): void {
    const http = this as { parser?: { close(): void } | null };
    http.parser?.close();
    http.parser = null;
  }

  #active(): void {
    if (this.#idle) this.#idle.heardAt = this.#options.time.now();
  }

  #watchIdle(left: number): void {
    const idle = this.#idle;
    if (!idle) return;
    idle.callOff = this.#options.time.after(left, () => {
      const over = this.#options.time.now() - idle.heardAt;
      if (this.destroyed || this.#program?.isAlive === false) return;
      if (over < idle.limit) this.#watchIdle(idle.limit - over);
      else this.#inContext(() => this.emit("timeout"));
    });
  }
}

/** As Node's sockets fail. */
export function failureOf(code: string, syscall: string): Error {
  return Object.assign(new Error(`${syscall} ${code}`), { code, syscall });
}
