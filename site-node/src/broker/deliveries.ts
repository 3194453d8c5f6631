import mqemitter, { type Message, type MQEmitter } from "mqemitter";

/**
 * Brings publications to the connected. Nobody waits for a delivery: a publication is done when it is durable, and a
 * reader that has stalled is its own trouble, dealt with by `drainTimeout` and the bound on what is unsent to it. So
 * there is no limit on concurrency either: with one, as many messages to a single stalled reader would stop them all.
 */
export class Deliveries {
  readonly emitter: MQEmitter;
  readonly #quiet: (() => void)[] = [];
  #unfinished = 0;

  constructor() {
    this.emitter = mqemitter({ concurrency: 0, matchEmptyLevels: true });
    const emit = this.emitter.emit.bind(this.emitter);
    this.emitter.emit = (message: Message, done?: (error?: Error) => void) => {
      this.#unfinished++;
      emit(message, () => this.#finished());
      if (done) setImmediate(done);
    };
  }

  /** Resolves when nothing is being delivered. */
  idle(): Promise<void> {
    return new Promise((resolve) => {
      this.#quiet.push(resolve);
      this.#settle();
    });
  }

  #finished(): void {
    this.#unfinished--;
    this.#settle();
  }

  #settle(): void {
    if (this.#unfinished > 0) return;
    for (const resolve of this.#quiet.splice(0)) resolve();
  }
}
