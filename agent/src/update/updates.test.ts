import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { temporaryDirectory, testAgent } from "../testing/agents.ts";
import { startSite, type TestSite } from "../testing/site.ts";
import { until } from "../testing/until.ts";
import { writeJournal } from "./journal.ts";
import type { Update } from "./machine.ts";
import { programsIn } from "./places.ts";

let site: TestSite;
beforeEach(async () => {
  site = await startSite();
});
afterEach(() => site.close());

const known = { sequence: 2, version: "2", manifestHash: "m" };
const TRYING: Update = {
  ...{ phase: "trying", from: "1-1", to: "2-2", manifestHash: "m", trial: "this-try", starts: 1, known, failures: [] },
};
const FAILED = [{ manifestHash: "m", release: "2-2", times: 1, reason: "it did not reach its site in time" }];

function updating(update: Update) {
  const directory = temporaryDirectory();
  const programs = join(directory.path, "programs");
  mkdirSync(programs);
  writeJournal(programsIn(programs).journal, update);
  const one = testAgent(site, { programs });
  const told = () => site.of("status").map(({ payload }) => JSON.parse(payload.toString()).update);
  return { ...one, programs, proven: join(one.stateDir, "update", "proven"), told };
}

test("a release that is tried is proven when its site has let it in and has its report, and not before", async () => {
  await site.stopBroker();
  await using one = updating(TRYING);
  await one.agent.start();
  await one.clock.advance(10_000);
  expect(existsSync(one.proven)).toBe(false);
  await site.startBroker();
  await until(
    () => existsSync(one.proven),
    "it is proven",
    () => one.clock.advance(1_000),
  );
  expect(readFileSync(one.proven, "utf8")).toBe("this-try\n");
  expect(site.of("hw").length).toBeGreaterThan(0);
  expect(one.told()[0]).toEqual({ state: "trying", release: "2-2" });
});

test("an agent that nobody tries proves nothing, and tells its site what became of the last update", async () => {
  await using one = updating({ phase: "steady", release: "1-1", known, failures: FAILED });
  await one.agent.start();
  await until(() => one.agent.status.reportHash !== "", "connected and reported");
  expect(existsSync(one.proven)).toBe(false);
  const [failure] = FAILED;
  expect(one.told()).toEqual([{ state: "rolled-back", release: "2-2", reason: failure?.reason }]);
});
