import { silentLog } from "@holdfast/runtime";
import { afterEach, expect, test, vi } from "vitest";
import { createServer } from "./server.ts";

afterEach(() => {
  vi.useRealTimers();
});

test("a server comes up on a machine that is busy with others, however long its parts take", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  const app = createServer(silentLog);
  const slow = Promise.withResolvers<void>();
  const up = Promise.withResolvers<string>();
  void app.register((_app, _options, done) => void slow.promise.then(() => done()));
  void app.ready((error) => up.resolve(error?.message ?? "up"));
  await vi.advanceTimersByTimeAsync(600_000);
  slow.resolve();
  expect(await up.promise).toBe("up");
  await app.close();
});
