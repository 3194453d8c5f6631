import fc from "fast-check";
import { expect, test } from "vitest";
import {
  FAILURES_MOST,
  STARTS_MOST,
  type Steady,
  step,
  type Trying,
  type Update,
  type UpdateEvent,
} from "./machine.ts";

const KNOWN = { sequence: 2, version: "2", manifestHash: "b" };
const STEADY: Steady = { phase: "steady", release: "1-1", known: undefined, failures: [] };
const TRYING: Trying = {
  ...{ phase: "trying", from: "1-1", to: "2-2", manifestHash: "b", trial: "t", starts: 1 },
  ...{ known: KNOWN, failures: [] },
};
const EVENTS = {
  "laid-down": { type: "laid-down", release: "2-2", known: KNOWN, trial: "t" },
  started: { type: "started" },
  proven: { type: "proven", trial: "t" },
  "proven before": { type: "proven", trial: "s" },
  "deadline-passed": { type: "deadline-passed" },
} as const satisfies Record<string, UpdateEvent>;

const STATES = {
  steady: STEADY,
  "failed too often": {
    ...STEADY,
    failures: [{ manifestHash: "b", release: "2-2", times: FAILURES_MOST, reason: "" }],
  },
  trying: TRYING,
  "the last try": { ...TRYING, starts: STARTS_MOST },
} as const satisfies Record<string, Update>;

/** What runs after it, and whether that has proven itself. */
const TABLE: Record<keyof typeof STATES, Record<keyof typeof EVENTS, string>> = {
  steady: {
    "laid-down": "trying 2-2",
    started: "ignored",
    proven: "ignored",
    "proven before": "ignored",
    "deadline-passed": "ignored",
  },
  "failed too often": {
    "laid-down": "ignored",
    started: "ignored",
    proven: "ignored",
    "proven before": "ignored",
    "deadline-passed": "ignored",
  },
  trying: {
    "laid-down": "ignored",
    started: "trying 2-2",
    proven: "steady 2-2",
    "proven before": "ignored",
    "deadline-passed": "steady 1-1",
  },
  "the last try": {
    "laid-down": "ignored",
    started: "steady 1-1",
    proven: "steady 2-2",
    "proven before": "ignored",
    "deadline-passed": "steady 1-1",
  },
};

const shown = (state: Update) => (state.phase === "steady" ? `steady ${state.release}` : `trying ${state.to}`);

test.each(Object.keys(STATES) as (keyof typeof STATES)[])(
  "when it is %s, each event does what the table says",
  (from) => {
    const outcomes = Object.entries(EVENTS).map(([name, event]) => {
      const stepped = step(STATES[from], event);
      return [name, stepped ? shown(stepped.next) : "ignored"];
    });
    expect(Object.fromEntries(outcomes)).toEqual(TABLE[from]);
  },
);

test("a release that is rolled back is remembered with its reason, and what is known does not go back", () => {
  const { next, effects } = step(TRYING, EVENTS["deadline-passed"]) ?? {};
  expect(next).toEqual({
    ...{ phase: "steady", release: "1-1", known: KNOWN },
    failures: [{ manifestHash: "b", release: "2-2", times: 1, reason: "it did not reach its site in time" }],
  });
  expect(effects).toEqual([{ do: "run", release: "1-1" }]);
});

test("the supervisor is never one that has not proven itself", () => {
  expect(step(TRYING, EVENTS.proven)?.effects).toEqual([{ do: "trust", release: "2-2", before: "1-1" }]);
  expect(step(STEADY, EVENTS["laid-down"])?.effects).toEqual([{ do: "run", release: "2-2" }]);
});

test("whatever happens, a try ends, what is known never goes back, and a bad release is tried a bounded number of times", () => {
  const events = fc.array(fc.constantFrom(...Object.values(EVENTS).filter(({ type }) => type !== "proven")), {
    maxLength: 60,
  });
  fc.assert(
    fc.property(events, (happened) => {
      let state: Update = STEADY;
      let tries = 0;
      for (const event of happened) {
        const stepped: ReturnType<typeof step> = step(state, event);
        if (!stepped) continue;
        if (stepped.next.phase === "trying") tries += 1;
        expect(stepped.next.known?.sequence ?? 0).toBeGreaterThanOrEqual(state.known?.sequence ?? 0);
        state = stepped.next;
      }
      expect(tries).toBeLessThanOrEqual(FAILURES_MOST * STARTS_MOST);
    }),
  );
});
