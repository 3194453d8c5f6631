import { type Input, mustHold, type Target } from "../target.ts";

/** The one input of a thousand that does it, so that what finds it has to look. */
const DOES_IT = 137;

function faulty(name: string, fault: (input: number) => unknown): Target {
  let made = 0;
  return {
    name,
    about: "",
    open: async () => ({
      generate: (): Input => made++,
      feed: async (input) => {
        if (input === DOES_IT) await fault(input);
        return "accepted" as const;
      },
    }),
  };
}

const held: unknown[] = [];

/** Parsers as they must not be, each found by another means. */
export const TARGETS: readonly Target[] = [
  faulty("sound", () => undefined),
  faulty("throws", () => JSON.parse("{")),
  faulty("loops", () => {
    for (;;);
  }),
  faulty("never-answers", () => new Promise(() => undefined)),
  faulty("ends-the-process", () => process.exit(0)),
  faulty("rejects-unheard", () => {
    void Promise.reject(new Error("nobody waits for this"));
    return new Promise((resolve) => setImmediate(resolve));
  }),
  faulty("throws-later", () => {
    setImmediate(() => {
      throw new Error("nobody catches this");
    });
    return new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  }),
  faulty("takes-all-memory", () => {
    for (;;) held.push(new Array(20_000_000).fill(held.length + 0.5));
  }),
  faulty("keeps-what-it-read", () => held.push(Array.from({ length: 3_000_000 }, (_, at) => ({ at })))),
  faulty("breaks-its-word", () => mustHold(false, "two and two are five")),
];
