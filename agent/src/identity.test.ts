import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openIdentity } from "./identity.ts";
import { temporaryDirectory, testLog } from "./testing/agents.ts";

const ENROLMENT = {
  hostId: "host-0a1b2c3d",
  siteId: "site-00000001",
  secret: "hfa_s",
  mqttPort: 1883,
  siteUrl: "http://a",
};

test("a machine makes its creation id once and keeps it, with its enrolment, over restarts", () => {
  using directory = temporaryDirectory();
  const { log, lines } = testLog();
  const first = openIdentity(directory.path, log);
  expect(first.machine).toMatch(/^[0-9a-f-]{36}$/);
  expect(first.enrolment).toBeUndefined();
  first.enrolled(ENROLMENT);
  const second = openIdentity(directory.path, log);
  expect(second.machine).toBe(first.machine);
  expect(second.enrolment).toEqual(ENROLMENT);
  expect(lines).toEqual([]);
});

test("the state directory and the files in it are their owner's alone", () => {
  using directory = temporaryDirectory();
  const state = join(directory.path, "state");
  openIdentity(state, testLog().log).enrolled(ENROLMENT);
  const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8);
  expect(modeOf(state)).toBe("700");
  expect(readdirSync(state).map((name) => modeOf(join(state, name)))).toEqual(["600", "600"]);
});

test.each([
  ["cut short", '{"hostId":"host-0a1b2c3d","siteId":"si'],
  ["empty", ""],
  ["without a secret", JSON.stringify({ ...ENROLMENT, secret: undefined })],
  ["with an id that would reach other topics", JSON.stringify({ ...ENROLMENT, hostId: "host/#" })],
  ["of another form", "[]"],
  ["far too large", `${" ".repeat(300 * 1024)}${JSON.stringify(ENROLMENT)}`],
])("an enrolment file that is %s is set aside as it is and reported, never overwritten", (_what, content) => {
  using directory = temporaryDirectory();
  const { log, lines } = testLog();
  const { machine } = openIdentity(directory.path, log);
  writeFileSync(join(directory.path, "enrolment.json"), content);
  const identity = openIdentity(directory.path, log);
  expect(identity.enrolment).toBeUndefined();
  expect(identity.machine).toBe(machine);
  identity.enrolled(ENROLMENT);
  expect(readFileSync(join(directory.path, "enrolment.json.corrupt-1"), "utf8")).toBe(content);
  expect(lines).toEqual([
    expect.objectContaining({ level: 50, keptAs: join(directory.path, "enrolment.json.corrupt-1") }),
  ]);
});
