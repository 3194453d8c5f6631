import { type Clock, Fault } from "@holdfast/runtime";

/** Watches for how long nothing has come of something. */
export interface Silence {
  /** Aborted with DeadlineExceeded when nothing has come for too long. */
  readonly signal: AbortSignal;
  /** Something has come. */
  broken(): void;
  /** It is over: nothing more is expected. */
  end(): void;
}

/** Begins to watch, milliseconds. What comes often costs no timer each time. */
export function watchSilence(clock: Clock, atMost: number): Silence {
  const over = new AbortController();
  const silent = new AbortController();
  let heardAt = clock.monotonic();
  void (async () => {
    for (;;) {
      const left = heardAt + atMost - clock.monotonic();
      if (left <= 0) return silent.abort(new Fault("DeadlineExceeded", `the hub was silent for ${atMost} ms`));
      await clock.sleep(left, over.signal);
    }
  })().catch(() => undefined);
  return {
    signal: silent.signal,
    broken: () => {
      heardAt = clock.monotonic();
    },
    end: () => over.abort(),
  };
}
