import type { ServerResponse } from "node:http";
import { expect, test } from "vitest";
import { Watcher } from "./watcher.ts";

/** As much of an answer as a watcher writes to, of which nobody reads. */
function unread() {
  const written: string[] = [];
  const raw = {
    destroyed: false,
    get writableLength() {
      return written.join("").length;
    },
    write: (text: string) => written.push(text),
    destroy() {
      raw.destroyed = true;
    },
  };
  return { raw, written };
}

test("a watcher that does not read is cut off, and nothing more is kept for it", () => {
  const { raw, written } = unread();
  const over = new AbortController();
  const watcher = new Watcher({
    ...{ raw: raw as unknown as ServerResponse, selection: undefined, after: 0, whole: true, over },
  });
  const page = new Map([["a", `"${"x".repeat(1024 * 1024)}"`]]);
  for (let count = 0; count < 9; count++) watcher.state("created", page);
  expect([raw.destroyed, over.signal.aborted]).toEqual([true, true]);
  expect(written).toHaveLength(4);
});
