import { createHash } from "node:crypto";
import { mkdtempSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openSqliteStore } from "@holdfast/inventory";
import { expect, test } from "vitest";
import { eventually } from "../world/eventually.ts";
import { createWorld } from "../world/world.ts";
import { Program } from "./program.ts";
import { simulate } from "./simulation.ts";

/** All that hub and site come to hold in an hour in which something happens, and how many moments there were. */
async function anHour(seed: number): Promise<string> {
  const { time } = simulate(seed);
  const world = await createWorld({ sites: ["oslo"] });
  const { id, machine } = await world.runningMachine({ site: "oslo" });
  world.wan("oslo").cut();
  await world.hub.ask("PATCH", `/v1/projects/default/compute/hosts/${id}`, { name: "at-hub" });
  await world.site("oslo").ask("PATCH", `/v1/projects/default/compute/hosts/${id}`, { name: "at-site" });
  await machine.kill();
  await world.clock.advance(1_800_000);
  world.wan("oslo").restore();
  await eventually(async () => expect(await world.hub.conflicts()).toHaveLength(1));
  const host = await world.hub.host("default", id);
  const conflicts = await world.hub.conflicts();
  const told = JSON.stringify({ host, conflicts, moments: time.events, at: time.now() });
  await world[Symbol.asyncDispose]();
  return createHash("sha256").update(told).digest("hex");
}

test("the same seed is the same history, to the last moment and id; another seed is another", async () => {
  // What libraries load at their first use comes when the platform has it.
  await anHour(1);
  const first = await anHour(7);
  expect(await anHour(7)).toBe(first);
  expect(await anHour(8)).not.toBe(first);
});

test("a day in which nothing is due takes no time at all", async () => {
  const { time } = simulate(1);
  const before = time.now();
  await new Promise((resolve) => setTimeout(resolve, 86_400_000));
  expect(time.now() - before).toBe(86_400_000);
  expect(Date.now() - before).toBe(86_400_000);
});

test.each([
  ["before", false],
  ["after", true],
] as const)("a program that is killed %s a commit of its store has written: %s", async (moment, isThere) => {
  simulate(1);
  const path = join(mkdtempSync(join(tmpdir(), "holdfast-killed-")), "store.db");
  const program = new Program("writer");
  const killed: string[] = [];
  const store = await program.whole(() => openSqliteStore({ path }));
  program.killAfter({ points: 1, at: [`${moment} commit`], onKilled: (where) => void killed.push(where) });
  const write = (value: string) => store.write((transaction) => transaction.setSetting("it", value));
  await expect(program.whole(() => write("written"))).rejects.toThrow("was killed");
  expect(killed).toEqual([expect.stringMatching(new RegExp(`^${moment} commit`))]);
  const after = await openSqliteStore({ path });
  expect(await after.read((view) => view.setting("it"))).toBe(isThere ? "written" : undefined);
  await after.close();
});

test("whoever is killed while it starts holds no port, whatever of it goes on", async () => {
  simulate(1);
  const port = 5_000;
  const program = new Program("server");
  const { promise: isRead, resolve: read } = Promise.withResolvers<void>();
  const started = program.starts(async () => {
    await isRead;
    createServer().listen(port);
  });
  program.kill();
  await expect(started).rejects.toThrow("was killed");
  read();
  await new Promise((resolve) => setTimeout(resolve, 20));
  const next = createServer();
  await new Promise((resolve, reject) => next.once("error", reject).listen(port, () => resolve(undefined)));
  next.close();
});
