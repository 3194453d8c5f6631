import { Duplex } from "node:stream";

export interface PacketLimits {
  /** Bytes of a whole packet, its header included. */
  readonly packetBytes: number;
  /** The same for the first packet, which must be a CONNECT. */
  readonly connectBytes: number;
}

/** What a connection announced that it may not send. */
export class PacketRefused extends Error {
  readonly code = "PacketRefused";
}

const CONNECT = 1;

/** Follows MQTT's fixed headers (3.1.1 §2.2) through a stream, however it is cut into chunks. Keeps no payload. */
export class PacketScanner {
  readonly #limits: PacketLimits;
  #first = true;
  #inHeader = false;
  #length = 0;
  #lengthBytes = 0;
  #body = 0;

  constructor(limits: PacketLimits) {
    this.#limits = limits;
  }

  /** Looks at the next bytes. Throws PacketRefused at the header of the first packet that may not be. */
  scan(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#body > 0) {
        const skipped = Math.min(this.#body, chunk.length - at);
        this.#body -= skipped;
        at += skipped;
        continue;
      }
      const byte = chunk[at++] ?? 0;
      if (this.#inHeader) this.#readLength(byte);
      else this.#readType(byte);
    }
  }

  #readType(byte: number): void {
    if (this.#first && byte >> 4 !== CONNECT) throw new PacketRefused("the first packet is no CONNECT");
    this.#inHeader = true;
    this.#length = 0;
    this.#lengthBytes = 0;
  }

  #readLength(byte: number): void {
    this.#length += (byte & 0x7f) * 128 ** this.#lengthBytes++;
    if (byte & 0x80) {
      // §2.2.3: at most four bytes.
      if (this.#lengthBytes === 4) throw new PacketRefused("a packet's length has more than four bytes");
      return;
    }
    const whole = 1 + this.#lengthBytes + this.#length;
    const most = this.#first ? Math.min(this.#limits.connectBytes, this.#limits.packetBytes) : this.#limits.packetBytes;
    if (whole > most) throw new PacketRefused(`a packet of ${whole} bytes is announced, at most ${most} are accepted`);
    this.#first = false;
    this.#inHeader = false;
    this.#body = this.#length;
  }
}

/**
 * A connection as the broker sees it: what comes from the other side has been looked at by a PacketScanner first, so a
 * packet that is too long ends the connection while only its header, and what came in the same chunk, has been read.
 */
export class GuardedConnection extends Duplex {
  readonly #source: Duplex;
  readonly #scanner: PacketScanner;
  #held = false;

  constructor(source: Duplex, limits: PacketLimits) {
    super({ allowHalfOpen: false });
    this.#source = source;
    this.#scanner = new PacketScanner(limits);
    source.on("data", (chunk: Buffer) => this.#receive(chunk));
    source.on("end", () => this.push(null));
    source.on("error", (error) => this.destroy(error));
    source.on("close", () => this.destroy());
    source.pause();
  }

  /** Reads no more from the other side until released, whatever the reader wants. */
  hold(): void {
    this.#held = true;
    this.#source.pause();
  }

  release(): void {
    if (!this.#held) return;
    this.#held = false;
    this.#source.resume();
  }

  override _read(): void {
    if (!this.#held) this.#source.resume();
  }

  override _write(chunk: Buffer, encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#source.write(chunk, encoding, done);
  }

  // aedes corks: what it writes in one turn becomes one write of the socket.
  override _writev(chunks: { readonly chunk: Buffer }[], done: (error?: Error | null) => void): void {
    this.#source.write(Buffer.concat(chunks.map(({ chunk }) => chunk)), done);
  }

  override _final(done: () => void): void {
    this.#source.end(done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#source.destroy();
    done(error);
  }

  #receive(chunk: Buffer): void {
    if (this.destroyed) return;
    try {
      this.#scanner.scan(chunk);
    } catch (refused) {
      this.destroy(refused instanceof Error ? refused : new Error(String(refused)));
      return;
    }
    if (!this.push(chunk)) this.#source.pause();
  }
}
