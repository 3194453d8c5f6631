import { AsyncLocalStorage } from "node:async_hooks";
import { createRequire, syncBuiltinESMExports } from "node:module";
import { Program } from "./program.ts";
import type { Due, VirtualTime } from "./virtual-time.ts";

type Callback = (...given: unknown[]) => void;
type TimeNow = () => VirtualTime;

/** What a timer function gives back; Node's own has these methods. */
class Timer {
  readonly #time: VirtualTime;
  readonly #plan: () => Due;
  #due: Due | undefined;

  constructor(time: VirtualTime, plan: (timer: Timer) => Due) {
    this.#time = time;
    this.#plan = () => plan(this);
    this.#due = this.#plan();
  }

  cancel(): void {
    if (this.#due) this.#time.forget(this.#due);
    this.#due = undefined;
  }

  over(): void {
    this.#due = undefined;
  }

  repeat(): void {
    if (this.#due) this.#due = this.#plan();
  }

  refresh(): this {
    this.cancel();
    this.#due = this.#plan();
    return this;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  hasRef(): boolean {
    return this.#due !== undefined;
  }

  close(): this {
    this.cancel();
    return this;
  }

  [Symbol.toPrimitive](): number {
    return this.#due?.order ?? 0;
  }

  [Symbol.dispose](): void {
    this.cancel();
  }
}

/** Puts the time that is simulated in the place of the platform's clocks and timers, for all programs and what they are made of. */
export function installTimers(timeNow: TimeNow): void {
  const require = createRequire(import.meta.url);
  const [timers, promises] = [require("node:timers"), require("node:timers/promises")];
  const functions = {
    setTimeout: (callback: Callback, milliseconds?: number, ...given: unknown[]) =>
      startTimeout(timeNow(), callback, milliseconds, given),
    setInterval: (callback: Callback, milliseconds?: number, ...given: unknown[]) =>
      startInterval(timeNow(), callback, milliseconds, given),
    setImmediate: immediates(timeNow),
    clearTimeout: (timer?: Partial<Timer>) => timer?.cancel?.(),
    clearInterval: (timer?: Partial<Timer>) => timer?.cancel?.(),
    clearImmediate: (handle?: { calledOff?(): void }) => handle?.calledOff?.(),
  };
  const nextTurn = (value?: unknown) => new Promise((resolve) => functions.setImmediate(() => resolve(value)));
  Object.assign(globalThis, functions, { Date: virtualDate(timeNow) });
  Object.assign(timers, functions);
  Object.assign(promises, { setTimeout: sleepIn(timeNow), setImmediate: nextTurn });
  performance.now = () => timeNow().monotonic();
  syncBuiltinESMExports();
}

/** In the program that asked, if that lives. */
function later(callback: Callback, given: readonly unknown[]): () => void {
  const program = Program.current;
  const bound = AsyncLocalStorage.bind(() => callback(...given));
  return () => {
    if (program?.isAlive !== false) bound();
  };
}

function startTimeout(time: VirtualTime, callback: Callback, milliseconds: unknown, given: unknown[]): Timer {
  const fire = later(callback, given);
  return new Timer(time, (timer) =>
    time.plan(atLeastOne(milliseconds), () => {
      timer.over();
      fire();
    }),
  );
}

/**
 * Electric's client looks every two seconds whether its machine was asleep. Machines are not here but by `leap`, after which
 * everything is late anyhow; and that would be most of all that happens in an idle hour.
 */
const LOOKS_FOR_SLEEP = /subscribeToWakeDetection/;

function startInterval(
  time: VirtualTime,
  callback: Callback,
  milliseconds: unknown,
  given: unknown[],
): Timer | undefined {
  if (milliseconds === 2_000 && LOOKS_FOR_SLEEP.test(new Error().stack ?? "")) return undefined;
  const program = Program.current;
  const fire = later(callback, given);
  return new Timer(time, (timer) =>
    time.plan(atLeastOne(milliseconds), () => {
      if (program?.isAlive === false) return;
      timer.repeat();
      fire();
    }),
  );
}

function immediates(timeNow: TimeNow) {
  const { setImmediate: turnOfThePlatform } = globalThis;
  return (callback: Callback, ...given: unknown[]) => {
    const time = timeNow();
    const fire = later(callback, given);
    let isOver = false;
    const end = () => {
      if (!isOver) time.turnsAsked -= 1;
      isOver = true;
    };
    time.turnsAsked += 1;
    turnOfThePlatform(() => {
      if (isOver) return;
      end();
      fire();
    });
    return { calledOff: end, ref: () => undefined, unref: () => undefined, hasRef: () => !isOver };
  };
}

function sleepIn(timeNow: TimeNow) {
  return (milliseconds?: number, value?: unknown, { signal }: { signal?: AbortSignal } = {}) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const abort = () => {
        timer.cancel();
        reject(signal?.reason);
      };
      const wake = () => {
        signal?.removeEventListener("abort", abort);
        resolve(value);
      };
      const timer = startTimeout(timeNow(), wake, milliseconds, []);
      signal?.addEventListener("abort", abort, { once: true });
    });
}

function virtualDate(timeNow: TimeNow) {
  return class extends Date {
    constructor(...given: unknown[]) {
      super(...((given.length === 0 ? [timeNow().now()] : given) as [number]));
    }

    static override now(): number {
      return Math.floor(timeNow().now());
    }
  };
}

/** As the platform's timers, for which 0 and what is no number are a millisecond. */
function atLeastOne(milliseconds: unknown): number {
  const asked = Number(milliseconds);
  return asked >= 1 && asked <= 2 ** 31 - 1 ? asked : 1;
}
