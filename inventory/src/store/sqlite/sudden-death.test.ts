import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Region } from "@holdfast/protocol";
import { openSqlite } from "@holdfast/runtime/sqlite";
import { expect, onTestFinished, test } from "vitest";
import { openSqliteStore } from "./open.ts";

const TENANT = "11111111-1111-4111-8111-111111111111";
const WRITER = join(import.meta.dirname, "killed-writer.ts");

/** Lets a process write until it has confirmed this many, and kills it. Returns how many it had confirmed by then. */
async function writeAndKill(path: string, atLeast: number): Promise<number> {
  const writer = spawn(process.execPath, [WRITER, path, TENANT], { stdio: ["ignore", "pipe", "inherit"] });
  const exited = once(writer, "exit");
  let confirmed = 0;
  for await (const line of createInterface({ input: writer.stdout })) {
    confirmed = Number(line);
    if (confirmed >= atLeast) writer.kill("SIGKILL");
  }
  await exited;
  return confirmed;
}

test.each([3, 20, 57])(
  "a writer killed after %i transactions leaves all it confirmed, and nothing half",
  async (count) => {
    const folder = mkdtempSync(join(tmpdir(), "holdfast-killed-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const path = join(folder, "store.sqlite");
    const first = await openSqliteStore({ path });
    await first.write((transaction) => transaction.insertTenant({ id: TENANT, name: "first" }));
    await first.close();

    const confirmed = await writeAndKill(path, count);

    const raw = openSqlite(path);
    expect(raw.pragma("integrity_check", { simple: true })).toBe("ok");
    expect(raw.pragma("foreign_key_check")).toEqual([]);
    raw.close();
    const store = await openSqliteStore({ path });
    onTestFinished(() => store.close());
    const found = await store.read(async (view) => ({
      regions: (await view.list(Region, { tenant: TENANT })).resources.map((each) => each.resourceId),
      feed: (await view.feed(`tenant:${TENANT}`, 0, 1e6)).rows.map((row) => row.id),
      changes: (await view.changes(TENANT, 0, 1e6)).map((change) => change.id),
      written: Number(await view.setting("written")),
    }));
    expect(confirmed).toBeGreaterThanOrEqual(count);
    expect(found.regions.length).toBeGreaterThanOrEqual(confirmed);
    expect(found.feed).toEqual(found.regions);
    expect(found.changes).toEqual(found.regions);
    expect(found.written).toBe(found.regions.length);
  },
);
