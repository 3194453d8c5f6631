import { Duplex } from "node:stream";

/** One end of a connection in memory. What is written arrives at the other end on a later turn, as from a network. */
class End extends Duplex {
  other: End | undefined;

  override _read(): void {
    // Whatever comes is handed on at once.
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    setImmediate(() => {
      if (this.other && !this.other.destroyed && !this.other.readableEnded) this.other.push(chunk);
      done();
    });
  }

  override _final(done: () => void): void {
    setImmediate(() => {
      if (this.other && !this.other.destroyed) this.other.push(null);
      done();
    });
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    setImmediate(() => this.other?.destroy());
    done(error);
  }
}

/** Two ends of one connection. */
export function streamPair(): readonly [Duplex, Duplex] {
  const [one, other] = [new End({ allowHalfOpen: false }), new End({ allowHalfOpen: false })];
  one.other = other;
  other.other = one;
  for (const end of [one, other]) end.on("error", () => undefined);
  return [one, other];
}
