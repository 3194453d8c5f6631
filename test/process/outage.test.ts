import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { afterEach, expect, test } from "vitest";
import { NpmStart } from "./npm-start.ts";

const PORTS = ["--hub-port", "0", "--site-port", "0", "--mqtt-port", "0"];
const HOSTS = "/v1/projects/default/compute/hosts";
/** The hub takes 30 seconds to call a site silent; the rest is a busy machine's. */
const TOLD_WITHIN = 150_000;
const ends: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

function npmStart(...options: readonly string[]): NpmStart {
  const home = mkdtempSync(`${tmpdir()}/holdfast-outage-`);
  ends.push(async () => rmSync(home, { recursive: true, force: true }));
  const one = new NpmStart(home, [...PORTS, ...options]);
  ends.push(() => one.stop("SIGTERM"));
  return one;
}

test("npm start shows an outage: what the site goes on doing, what the hub says, and how both meet again", async () => {
  const it = npmStart("--cut-wan-after", "1", "--wan-away", "40");
  await it.says("hub and site agree again", TOLD_WITHIN);
  const told = it.output.slice(it.output.indexOf("Holdfast runs."));
  const name = /\{"name":"(renamed-\d+)"\}/.exec(told)?.[1] ?? "nobody";
  const story = [
    "the link between the site and the hub is CUT",
    "is answered at once, held by: site",
    `at the site: "${name}", Running`,
    "Unknown since",
    "the hub does not know, and says so",
    `at the site: "${name}", Running`,
    "the link is BACK",
    `at the hub:  "${name}", Running`,
    "waiting for the hub: 0 entries",
  ];
  let from = 0;
  for (const line of story) {
    const at = told.indexOf(line, from);
    expect({ line, isTold: at >= 0 }, told).toEqual({ line, isTold: true });
    from = at + line.length;
  }
  expect((await it.ask("GET", HOSTS)).hosts).toMatchObject([{ name, hostStatus: "Running" }]);
  expect(await it.stop("SIGINT")).toBe(0);
});

test("Ctrl-C in the middle of an outage ends everything cleanly", async () => {
  const it = npmStart("--cut-wan-after", "0", "--wan-away", "86400");
  await it.says("held by: site");
  expect(await it.stop("SIGINT")).toBe(0);
  expect(it.output).not.toContain("could not be shown");
  await expect(fetch(`${it.hubUrl}/v1/health`)).rejects.toThrow();
});

test.each([
  ["--cut-wan-after", "soon", '--cut-wan-after: "soon" is not a whole number from 0 to 86400'],
  ["--wan-away", "0", '--wan-away: "0" is not a whole number from 1 to 86400'],
])("%s %s is refused by name before anything is started", async (option, value, refusal) => {
  const it = npmStart(option, value);
  expect(await it.ends()).toBe(1);
  expect(it.output).toContain(refusal);
  expect(it.output).not.toContain("    at ");
});
