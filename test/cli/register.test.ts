import { afterAll, beforeAll, expect, test } from "vitest";
import { type CliWorld, startCliWorld } from "./under-test.ts";

let world: CliWorld;
let site: string;

beforeAll(async () => {
  world = await startCliWorld();
  site = (await world.hub.site()).id;
});
afterAll(() => world[Symbol.asyncDispose]());

test("a machine is registered at the site that is named, and its id is what is printed", async () => {
  const long = "a name of more than twenty letters";
  const { code, out } = await world.run("register", "host", "--serial", "SN00042", "-n", long, "-s", "a site");
  expect(code).toBe(0);
  const { body } = await world.hub.ask("GET", `/v1/projects/default/compute/hosts/${out.trim()}`);
  expect(body).toMatchObject({
    name: long,
    serialNumber: "SN00042",
    siteId: site,
    desiredState: "HOST_STATE_ONBOARDED",
  });
});

test("a machine without a name is called by its id, and waits for a word when that is wanted", async () => {
  const uuid = "4c4c4544-2046-5310-8052-cac04f515233";
  const { out } = await world.run("register", "host", "-u", uuid, "--no-onboarding", "-o", "json");
  const host = JSON.parse(out);
  expect(host).toMatchObject({ name: host.resourceId, uuid, siteId: "", desiredState: "HOST_STATE_REGISTERED" });
});

test("nothing is registered at a site that is not there, nor without anything that a machine is known by", async () => {
  const before = JSON.parse((await world.run("get", "hosts", "-o", "json")).out);
  const lost = await world.run("register", "host", "--serial", "SN00043", "-s", "atlantis");
  expect(lost).toMatchObject({ code: 2, notes: expect.stringContaining('--site: no site is called "atlantis"') });
  expect((await world.run("register", "host", "-n", "till")).code).toBe(2);
  expect((await world.run("register", "toaster", "--serial", "SN00043")).code).toBe(2);
  expect(JSON.parse((await world.run("get", "hosts", "-o", "json")).out)).toHaveLength(before.length);
});

test("a machine that is there already is refused by the API", async () => {
  const again = await world.run("register", "host", "--serial", "SN00042");
  expect(again).toMatchObject({ code: 1, out: "", notes: expect.stringContaining("FailedPrecondition") });
});
