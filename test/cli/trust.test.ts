import { readFileSync } from "node:fs";
import { join } from "node:path";
import { PASSWORD } from "@holdfast/hub/signin/under-test";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type CliWorld, startCliWorld } from "./under-test.ts";

let world: CliWorld;
let rootFile: string;
let fingerprint: string;

beforeAll(async () => {
  world = await startCliWorld({ tls: "on", accessTokenSeconds: 10 });
  await world.hub.user("clerk", "im-rw");
  rootFile = join(world.hub.home, "root.pem");
  const { out } = await world.runWith({ environment: asOperator() }, "trust", "status", "-o", "json");
  fingerprint = JSON.parse(out).root.fingerprint;
});
afterAll(() => world[Symbol.asyncDispose]());

const asOperator = () => ({
  HOLDFAST_URL: world.hub.url,
  HOLDFAST_TOKEN: world.hub.operator,
  HOLDFAST_ROOT_FILE: rootFile,
});
const stored = () => JSON.parse(readFileSync(world.config, "utf8")).endpoints[world.hub.url];

test("a hub whose root nobody named is not trusted, and what to do is said", async () => {
  const asked = await world.run("get", "hosts");
  expect(asked).toMatchObject({ code: 1, out: "" });
  expect(asked.notes).toMatch(/is not signed by a root that is trusted here: give the root's file or fingerprint/);
  const login = await world.runWith({ secret: PASSWORD }, "login", world.hub.url, "clerk");
  expect(login).toMatchObject({ code: 1, notes: expect.stringContaining("is not signed by a root") });
});

test("who signs in by a root's fingerprint trusts that root from then on, its sessions renew, and sign out", async () => {
  const how = ["--root-fingerprint", `sha256:${fingerprint.toLowerCase().replaceAll(":", "")}`];
  const login = await world.runWith({ secret: PASSWORD }, "login", world.hub.url, "clerk", ...how);
  expect(login).toEqual({ code: 0, out: "", notes: `signed in at ${world.hub.url}, project default\n` });
  expect(stored().root).toBe(readFileSync(rootFile, "utf8"));
  const { accessToken } = stored().session;
  expect(await world.runWith({}, "get", "hosts")).toMatchObject({ code: 0, notes: "" });
  // It has run out by the margin of whoever uses it: it was renewed over the same trust.
  expect(stored().session.accessToken).not.toBe(accessToken);
  expect(await world.runWith({}, "logout")).toMatchObject({ code: 0 });
});

test("a fingerprint of another root lets nobody in", async () => {
  const other = fingerprint.replace(/^../, (two) => (two === "00" ? "01" : "00"));
  const refused = await world.runWith(
    { secret: PASSWORD },
    "login",
    world.hub.url,
    "clerk",
    "--root-fingerprint",
    other,
  );
  expect(refused.code).toBe(1);
  expect(refused.notes).toContain(`shows the root ${fingerprint}, not ${other}`);
});

test.each([
  [["--root-fingerprint", "abc"], '--root-fingerprint: "abc" is no SHA-256'],
  [["--root-file", "/none.pem"], "--root-file /none.pem: cannot be read"],
  [["--root-file", "/none.pem", "--root-fingerprint", "abc"], "are two ways to say one thing"],
])("what cannot be meant is refused: %j", async (how, message) => {
  const refused = await world.runWith({ secret: PASSWORD }, "login", world.hub.url, "clerk", ...how);
  expect(refused).toMatchObject({ code: 2, notes: expect.stringContaining(message) });
});

test("a root is of no use where nothing is shown", async () => {
  const refused = await world.runWith({}, "login", "http://hub.test", "clerk", "--root-file", rootFile);
  expect(refused).toMatchObject({ code: 2, notes: expect.stringContaining("http://hub.test is not https://") });
});

test("the state of trust is shown to people and to scripts", async () => {
  const environment = asOperator();
  const { out } = await world.runWith({ environment }, "trust", "status");
  expect(out).toMatch(/^CERTIFICATE +FROM +UNTIL +MADE BY +NAMES +SHA-256\nroot .*\nserver .*localhost.*\n$/);
  expect(out).toContain(fingerprint);
  const yaml = (await world.runWith({ environment }, "trust", "status", "-o", "yaml")).out;
  expect(yaml).toContain(`root:\n  fingerprint: ${fingerprint}\n`);
  for (const words of [[], ["stat"], ["status", "more"]])
    expect(await world.runWith({ environment }, "trust", ...words)).toMatchObject({ code: 2, out: "" });
});
