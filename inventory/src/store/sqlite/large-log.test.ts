import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { openSqliteStore } from "./open.ts";

const MIB = 1024 * 1024;

test("what a large transaction wrote is durable at its commit, and copied into the database beside it", async () => {
  const home = mkdtempSync(join(tmpdir(), "holdfast-large-"));
  onTestFinished(() => rmSync(home, { recursive: true, force: true }));
  const path = join(home, "large.db");
  const size = () => statSync(path).size / MIB;
  const store = await openSqliteStore({ path });
  await store.write(async (transaction) => {
    for (let number = 0; number < 24; number += 1) await transaction.setSetting(`large-${number}`, "x".repeat(MIB));
  });
  expect(size()).toBeLessThan(16);
  await vi.waitFor(() => expect(size()).toBeGreaterThan(24), 20_000);
  await store.write((transaction) => transaction.setSetting("after", "small"));
  await store.close();

  const again = await openSqliteStore({ path });
  onTestFinished(() => again.close());
  const [large, after] = await again.read(async (view) => [
    await view.setting("large-23"),
    await view.setting("after"),
  ]);
  expect([large?.length, after]).toEqual([MIB, "small"]);
});
