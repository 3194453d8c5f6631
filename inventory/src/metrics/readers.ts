import { Readable } from "node:stream";
import { type Clock, Fault, seconds } from "@holdfast/runtime";
import { TooOften } from "../api/errors.ts";

/** So many are told at once; one costs as much memory as there are machines. */
const AT_ONCE = 3;

/** How long telling one may take: a hundred thousand hosts take a tenth of it to whoever reads. */
export const READ_WITHIN = seconds(30);

/** Who is being told metrics: not many at once, nobody twice, and nobody for longer than `READ_WITHIN`. */
export class Readers {
  readonly #clock: Pick<Clock, "sleep">;
  readonly #callers = new Set<string>();

  constructor(clock: Pick<Clock, "sleep">) {
    this.#clock = clock;
  }

  /**
   * A text for a caller, who has their place until it is read or given up; it is destroyed with DeadlineExceeded when they
   * take too long. Throws TooOften.
   */
  tell(caller: string, text: AsyncIterable<string>): Readable {
    if (this.#callers.has(caller)) throw new TooOften("metrics are being told to the same caller", 5);
    if (this.#callers.size >= AT_ONCE) throw new TooOften("metrics are being told to others", 5);
    this.#callers.add(caller);
    const read = new AbortController();
    const told = Readable.from(text, { objectMode: false, highWaterMark: 256 * 1024 });
    told.once("close", () => {
      this.#callers.delete(caller);
      read.abort();
    });
    this.#clock.sleep(READ_WITHIN, read.signal).then(
      () => told.destroy(new Fault("DeadlineExceeded", "the metrics were not read in time")),
      () => undefined,
    );
    return told;
  }
}
