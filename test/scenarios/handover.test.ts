import { expect, test } from "vitest";
import { agree, wanted } from "../world/agreement.ts";
import { eventually } from "../world/eventually.ts";
import { createWorld } from "../world/world.ts";

const PROJECT = "/v1/projects/default";
const HOSTS = `${PROJECT}/compute/hosts`;

async function twoSites() {
  const world = await createWorld({ sites: ["oslo", "bergen"] });
  const { machine, id } = await world.runningMachine({ site: "oslo" });
  const [oslo, bergen] = [world.site("oslo"), world.site("bergen")];
  await agree(world, "oslo");
  await bergen.node.caughtUp();
  const before = await wanted(world, "oslo", id);
  return {
    ...{ world, machine, id, oslo, bergen },
    /** Hub and new site want of the host what hub and old site wanted, but that it is there, and these fields. */
    isThere: async (changes: Readonly<Record<string, unknown>> = {}): Promise<void> =>
      expect(await wanted(world, "bergen", id)).toEqual({ ...before, siteId: bergen.id, ...changes }),
    /** Waits until the hub shows the machine alive at a site. */
    runsAt: (siteId: string) =>
      eventually(async () => {
        await world.clock.advance(2_000);
        expect(await world.hub.host("default", id)).toMatchObject({
          siteId,
          hostStatus: "Running",
          observation: { site: siteId },
        });
      }),
    [Symbol.asyncDispose]: () => world[Symbol.asyncDispose](),
  };
}

test("a host that is moved while its old site is away stays with it until that site has let go (rule 14)", async () => {
  await using it = await twoSites();
  const { world, id, oslo, bergen } = it;
  world.wan("oslo").cut();
  await world.hub.ask("PATCH", `${HOSTS}/${id}`, { siteId: bergen.id });
  await oslo.ask("PATCH", `${HOSTS}/${id}`, { name: "still-oslo" });
  await bergen.node.caughtUp();
  expect((await bergen.request("GET", `${HOSTS}/${id}`)).status).toBe(421);
  expect((await oslo.host(id)).hostStatus).toBe("Running");
  world.wan("oslo").restore();
  await agree(world, "oslo");
  await agree(world, "bergen");
  expect((await oslo.request("GET", `${HOSTS}/${id}`)).status).toBe(421);
  // What was wanted at the old site before it let go is not lost.
  expect(await world.hub.host("default", id)).toMatchObject({ siteId: bergen.id, name: "still-oslo" });
  await it.isThere({ name: "still-oslo" });
});

test("a host that is moved while its new site is away is waited for, and runs there as soon as its machine is there", async () => {
  await using it = await twoSites();
  const { world, machine, id, oslo, bergen } = it;
  world.wan("bergen").cut();
  await world.hub.ask("PATCH", `${HOSTS}/${id}`, { siteId: bergen.id });
  await agree(world, "oslo");
  machine.carryTo(bergen);
  world.wan("bergen").restore();
  await agree(world, "bergen");
  await it.runsAt(bergen.id);
  expect(machine.known).toBe(id);
  await it.isThere();
  expect(await oslo.hostIds()).toEqual([]);
});

test("a machine that is carried to another site is shown as misplaced, and one call gives it to that site without enrolling anew", async () => {
  await using it = await twoSites();
  const { world, machine, id, oslo, bergen } = it;
  machine.carryTo(bergen);
  const shown = await eventually(async () => {
    await world.clock.advance(5_000);
    const host = await world.hub.host("default", id);
    expect(host.misplaced).toMatchObject({ siteId: bergen.id });
    return host;
  });
  expect(shown.siteId).toBe(oslo.id);
  expect(machine.known).toBe(id);
  await world.hub.ask("POST", `${HOSTS}/${id}/rehome`, { siteId: bergen.id });
  await it.runsAt(bergen.id);
  expect((await world.hub.host("default", id)).misplaced).toBeUndefined();
  await agree(world, "oslo");
  await agree(world, "bergen");
  expect(await oslo.hostIds()).toEqual([]);
  expect(await bergen.hostIds()).toEqual([id]);
  await it.isThere();
});

test("a misplaced machine that is brought back home is at home again, and nobody had to do anything", async () => {
  await using it = await twoSites();
  const { world, machine, id, oslo, bergen } = it;
  machine.carryTo(bergen);
  await eventually(async () => {
    await world.clock.advance(5_000);
    expect((await world.hub.host("default", id)).misplaced).toBeDefined();
  });
  machine.carryTo(oslo);
  await it.runsAt(oslo.id);
  await eventually(async () => {
    await world.clock.advance(2_000);
    expect((await world.hub.host("default", id)).misplaced).toBeUndefined();
  });
});

test("a machine is given to another site while its old one is away; what that one says when it is back changes nothing (rule 14)", async () => {
  await using it = await twoSites();
  const { world, machine, id, oslo, bergen } = it;
  world.wan("oslo").cut();
  machine.carryTo(bergen);
  await world.hub.ask("POST", `${HOSTS}/${id}/rehome`, { siteId: bergen.id });
  await it.runsAt(bergen.id);
  await oslo.ask("PATCH", `${HOSTS}/${id}`, { name: "oslo-thinks-so" });
  world.wan("oslo").restore();
  await agree(world, "oslo");
  await agree(world, "bergen");
  const host = await world.hub.host("default", id);
  expect(host).toMatchObject({ siteId: bergen.id, hostStatus: "Running" });
  expect(host.name).not.toBe("oslo-thinks-so");
  const [conflict] = await world.hub.conflicts();
  expect(conflict).toMatchObject({ resourceId: id, field: "name" });
});

test("a retired site is refused, and its hosts run on at the site that they were given to", async () => {
  await using it = await twoSites();
  const { world, machine, oslo, bergen } = it;
  const retired = await world.hub.ask("POST", `${PROJECT}/sites/${oslo.id}/retire`, { moveHostsTo: bergen.id });
  expect(retired).toEqual({ moved: 1, deleted: 0 });
  machine.carryTo(bergen);
  await it.runsAt(bergen.id);
  await eventually(async () => {
    await world.clock.advance(5_000);
    expect((await oslo.status()).hub.refusal).toBeTruthy();
  });
});

test.each([
  ["rehomed", "POST", "rehome"],
  ["deleted by force", "DELETE", "force"],
] as const)(
  "an instance made at a site that is cut off does not keep a host there that is %s meanwhile (rules 14, 15)",
  async (_, method, how) => {
    await using it = await twoSites();
    const { world, id, oslo, bergen } = it;
    const profile = { name: "Debian 12", profileName: "debian-12", sha256: "a".repeat(64) };
    const { resourceId: osID } = await world.hub.ask("POST", `${PROJECT}/compute/os`, profile);
    await agree(world, "oslo");
    world.wan("oslo").cut();
    await world.hub.ask(method, `${HOSTS}/${id}/${how}`, method === "POST" ? { siteId: bergen.id } : undefined);
    const fixed = { kind: "INSTANCE_KIND_METAL", securityFeature: "SECURITY_FEATURE_NONE" };
    await oslo.ask("POST", `${PROJECT}/compute/instances`, { name: "web", hostID: id, osID, ...fixed });
    world.wan("oslo").restore();
    await agree(world, "oslo");
    await agree(world, "bergen");
    expect((await oslo.request("GET", `${HOSTS}/${id}`)).status).toBe(421);
    // What was wanted is not forgotten: the site says what became of it.
    expect((await oslo.status()).intents.refused).toBe(1);
  },
);
