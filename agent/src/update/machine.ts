import type { Known } from "@holdfast/protocol/manifest/admit";

/** A release that was tried and did not prove itself. */
export interface Failure {
  readonly manifestHash: string;
  readonly release: string;
  readonly times: number;
  readonly reason: string;
}

interface Remembered {
  /** The newest manifest that was ever taken up: what is older is refused. */
  readonly known: Known | undefined;
  /** The newest last. */
  readonly failures: readonly Failure[];
}

/** A release has proven itself, and nothing is under way. */
export interface Steady extends Remembered {
  readonly phase: "steady";
  /** Name of the release's directory. */
  readonly release: string;
}

/** A newer release runs and has yet to prove itself; `from` is what runs again when it does not. */
export interface Trying extends Remembered {
  readonly phase: "trying";
  readonly from: string;
  readonly to: string;
  readonly manifestHash: string;
  /** Names this try, so that what an earlier one proved does not count. */
  readonly trial: string;
  /** How often it was begun with, by as many starts of the supervisor. */
  readonly starts: number;
}

export type Update = Steady | Trying;

export type UpdateEvent =
  /** A release that is newer than what is known, verified, and in its directory. */
  | { readonly type: "laid-down"; readonly release: string; readonly known: Known; readonly trial: string }
  /** The supervisor has started: after a boot, or because there is something to do. */
  | { readonly type: "started" }
  /** An agent was let in by its site, and the site has its report. */
  | { readonly type: "proven"; readonly trial: string }
  | { readonly type: "deadline-passed" };

/** `run`: exchanges what the service starts, and starts it anew. `trust`: what supervises from now on; the one before is kept. */
export type UpdateEffect =
  | { readonly do: "run"; readonly release: string }
  | { readonly do: "trust"; readonly release: string; readonly before: string };

export interface UpdateStep {
  readonly next: Update;
  readonly effects: readonly UpdateEffect[];
}

/** How often a try may be begun with: one that brings the machine down is not begun with for ever. */
export const STARTS_MOST = 3;
/** How often a release may fail: the site may have been away the first time. */
export const FAILURES_MOST = 2;
const FAILURES_REMEMBERED = 16;

/** What comes of an event; undefined when it changes nothing. */
export function step(state: Update, event: UpdateEvent): UpdateStep | undefined {
  switch (state.phase) {
    case "steady": {
      if (event.type !== "laid-down" || !mayTry(state, event.known.manifestHash)) return undefined;
      const { release: to, known, trial } = event;
      const { release: from, failures } = state;
      const { manifestHash } = known;
      const next: Trying = { phase: "trying", from, to, manifestHash, trial, starts: 1, known, failures };
      return { next, effects: [{ do: "run", release: to }] };
    }
    case "trying": {
      if (event.type === "proven" && event.trial === state.trial) {
        const { from: before, to: release, known, failures } = state;
        return { next: { phase: "steady", release, known, failures }, effects: [{ do: "trust", release, before }] };
      }
      if (event.type === "deadline-passed") return rollBack(state, "it did not reach its site in time");
      if (event.type !== "started") return undefined;
      if (state.starts >= STARTS_MOST)
        return rollBack(state, `it was begun with ${STARTS_MOST} times and never proven`);
      return { next: { ...state, starts: state.starts + 1 }, effects: [{ do: "run", release: state.to }] };
    }
  }
}

/** Whether a release may be tried: not when it has failed too often, whatever its sequence. */
export function mayTry({ failures }: Pick<Update, "failures">, manifestHash: string): boolean {
  return (failures.find((failure) => failure.manifestHash === manifestHash)?.times ?? 0) < FAILURES_MOST;
}

function rollBack({ from, to, manifestHash, known, failures }: Trying, reason: string): UpdateStep {
  const before = failures.find((failure) => failure.manifestHash === manifestHash);
  const failure: Failure = { manifestHash, release: to, times: (before?.times ?? 0) + 1, reason };
  const others = failures.filter((each) => each !== before);
  const next: Steady = {
    ...{ phase: "steady", release: from, known },
    failures: [...others, failure].slice(-FAILURES_REMEMBERED),
  };
  return { next, effects: [{ do: "run", release: from }] };
}
