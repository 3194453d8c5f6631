import { PROTOCOL_VERSION } from "@holdfast/protocol/handshake";
import { describe, expect, test } from "vitest";
import { agree } from "../world/agreement.ts";
import { eventually } from "../world/eventually.ts";
import type { Json } from "../world/request.ts";
import { createWorld, type World } from "../world/world.ts";

const PROJECT = "/v1/projects/default";
const HOSTS = `${PROJECT}/compute/hosts`;

/**
 * Versions above this program's are simulated: the program of today says that it is one of them. So these tests show which
 * versions meet and what becomes of those that do not, not what a later version will say.
 */
const named = (version: number) => `${version}${version > PROTOCOL_VERSION ? " (simulated)" : ""}`;
const cases = (versions: readonly number[]) => versions.map((version) => [named(version), version] as const);

const DISK = "nvme1n1";
const disksOf = ({ hostStorages }: Json): string[] => hostStorages.map((disk: Json) => disk.deviceName);

const HUB = 4;
const SITE = 5;

describe(`a hub of protocol ${named(HUB)}`, () => {
  test.each(cases([4, 3, 2]))("serves a site of protocol %s the whole way (rule 23)", async (_, version) => {
    await using world = await createWorld({ sites: ["oslo"], versions: { hub: HUB, site: version, agent: version } });
    const site = world.site("oslo");
    const { machine, id } = await world.runningMachine({ site: "oslo" });
    expect(await linkOf(world, "oslo")).toMatchObject({ protocol: version, refused: null, silentSince: null });

    await world.hub.ask("PATCH", `${HOSTS}/${id}`, { metadata: [{ key: "role", value: "till" }] });
    await eventually(() => expect(machine.agent.status.healthy).toBe(true));
    await agree(world, "oslo");
    expect((await site.host(id)).metadata).toEqual([{ key: "role", value: "till" }]);

    const up = await site.request("PATCH", `${HOSTS}/${id}`, { name: "here" }, { headers: { prefer: "wait=20" } });
    expect(up.headers.get("holdfast-durability")).toBe("hub");
    expect(await world.hub.host("default", id)).toMatchObject({ name: "here" });

    await agree(world, "oslo");
    world.wan("oslo").cut();
    await site.ask("PATCH", `${HOSTS}/${id}`, { name: "from-the-site" });
    await world.hub.ask("PATCH", `${HOSTS}/${id}`, { name: "from-the-hub" });
    world.wan("oslo").restore();
    await agree(world, "oslo");
    const [conflict] = await world.hub.conflicts();
    expect(conflict.values.map(({ value }: Json) => value).toSorted()).toEqual(["from-the-hub", "from-the-site"]);
    expect((await site.ask("GET", `${PROJECT}/conflicts`)).conflicts).toEqual([conflict]);
  });

  test.each([
    [named(1), 1, /^this site speaks protocol 1, oldest served here is 2: upgrade the site$/],
    [named(5), 5, /^this site speaks protocol 5, newest known here is 4: upgrade the hub first/],
  ])(
    "refuses a site of protocol %s and both sides say why; its machines are served, and after an upgrade all is well (rule 23)",
    async (_, version, reason) => {
      // The agent speaks what the site of before and the one of now both serve.
      const versions = { hub: HUB, site: HUB, agent: Math.min(version, PROTOCOL_VERSION) };
      await using world = await createWorld({ sites: ["oslo"], versions });
      const site = world.site("oslo");
      const { machine, id } = await world.runningMachine({ site: "oslo" });
      await agree(world, "oslo");
      site.protocolVersion = version;
      await site.restart();
      await eventually(async () => {
        expect(await linkOf(world, "oslo")).toMatchObject({
          protocol: version,
          refused: { reason: expect.stringMatching(reason) },
        });
        expect((await site.status()).hub.refusal).toMatchObject({ status: 426, reason: expect.stringMatching(reason) });
      });
      await world.hub.ask("PATCH", `${HOSTS}/${id}`, { metadata: [{ key: "role", value: "till" }] });

      await site.ask("PATCH", `${HOSTS}/${id}`, { name: "still-served" });
      machine.removeDisk(DISK);
      await eventually(async () => {
        const seen = await site.host(id);
        expect(seen).toMatchObject({ name: "still-served", hostStatus: "Running", metadata: [] });
        expect(disksOf(seen)).not.toContain(DISK);
        expect(seen.observedGeneration).toBe(seen.generation);
      });
      const atHub = await world.hub.host("default", id);
      expect(atHub.name).not.toBe("still-served");
      expect(disksOf(atHub)).toContain(DISK);

      // The site is upgraded when it was too old, the hub when it was.
      if (version > HUB) {
        world.hub.protocolVersion = version;
        await world.hub.restart();
      } else {
        site.protocolVersion = HUB;
        await site.restart();
      }
      await eventually(async () => {
        await world.clock.advance(5_000);
        expect((await site.status()).hub.refusal).toBeNull();
      });
      await agree(world, "oslo");
      const well = { name: "still-served", hostStatus: "Running", metadata: [{ key: "role", value: "till" }] };
      expect(await world.hub.host("default", id)).toMatchObject(well);
      expect(disksOf(await world.hub.host("default", id))).not.toContain(DISK);
      expect(await linkOf(world, "oslo")).toMatchObject({ refused: null, silentSince: null, quarantined: 0 });
    },
  );

  test("that another version takes the place of makes its sites say all that they see, and hear all anew (rule 23)", async () => {
    await using world = await createWorld({ sites: ["oslo"], versions: { hub: HUB, site: HUB } });
    const site = world.site("oslo");
    const { id } = await world.runningMachine({ site: "oslo" });
    await agree(world, "oslo");
    const carried: string[] = [];
    const listen = () => {
      carried.length = 0;
      world.wan("oslo").onCarried = ({ url, body }) => carried.push(body ?? url.search);
    };
    const anew = () => carried.filter((each) => each.includes("offset=-1")).length;
    const told = () => carried.filter((each) => each.includes(`"type":"state","kind":"host","id":"${id}"`)).length;
    const eventuallyBoth = () =>
      eventually(async () => {
        await world.clock.advance(5_000);
        expect([anew() >= 2, told() >= 1], carried.join("\n")).toEqual([true, true]);
      });

    listen();
    site.protocolVersion = HUB - 1;
    await site.restart();
    await eventuallyBoth();
    await agree(world, "oslo");

    listen();
    world.hub.protocolVersion = HUB + 1;
    await world.hub.restart();
    await eventuallyBoth();
    await agree(world, "oslo");
  });
});

describe(`a site of protocol ${named(SITE)}`, () => {
  test.each(cases([5, 4, 3, 2]))("serves an agent of protocol %s (rule 23)", async (_, version) => {
    await using world = await createWorld({ sites: ["oslo"], versions: { hub: SITE, site: SITE, agent: version } });
    const { machine, id } = await world.runningMachine({ site: "oslo" });
    await world.hub.ask("PATCH", `${HOSTS}/${id}`, { metadata: [{ key: "role", value: "till" }] });
    await agree(world, "oslo");
    expect(machine.agent.status.healthy).toBe(true);
    const { id: command } = await world.hub.ask("POST", `${HOSTS}/${id}/commands`, { command: "identify" });
    await eventually(async () => {
      expect(await world.hub.ask("GET", `${HOSTS}/${id}/commands/${command}`)).toMatchObject({ status: "done" });
    });
  });

  test.each([
    [named(1), 1, 2, /speaks protocol 1, oldest served here is 2: upgrade the agent/],
    [named(6), 6, 5, /speaks protocol 6, newest known here is 5: upgrade the hub first, then sites, then agents/],
  ])(
    "refuses an agent of protocol %s and says why at site and hub; the agent tries on, and is well after an upgrade (rule 23)",
    async (_, version, upgraded, reason) => {
      await using world = await createWorld({ sites: ["oslo"], versions: { hub: SITE, site: SITE, agent: SITE } });
      const { machine, id } = await world.runningMachine({ site: "oslo" });
      await agree(world, "oslo");
      await machine.shutDown();
      machine.protocolVersion = version;
      await machine.boot();
      await eventually(async () => {
        for (const seen of [await world.site("oslo").host(id), await world.hub.host("default", id)]) {
          expect(seen.hostStatus).toMatch(reason);
          expect(seen.hostStatusIndicator).toBe("STATUS_INDICATION_ERROR");
        }
      });
      await machine.shutDown();
      machine.protocolVersion = upgraded;
      await machine.boot();
      await eventually(async () => {
        await world.clock.advance(5_000);
        expect(await world.hub.host("default", id)).toMatchObject({ hostStatus: "Running" });
      });
      await agree(world, "oslo");
    },
  );

  test("that is upgraded lets an agent in that was too new for it, without a hand laid on the machine (rule 23)", async () => {
    await using world = await createWorld({ sites: ["oslo"], versions: { hub: SITE + 1, site: SITE } });
    const site = world.site("oslo");
    const machine = await world.machine({ site: "oslo", protocol: SITE + 1 });
    await site.node.caughtUp();
    await machine.boot();
    await world.clock.advance(60_000);
    expect(machine.hostId).toBeUndefined();
    expect(await world.hub.hosts("default")).toEqual([]);
    site.protocolVersion = SITE + 1;
    await site.restart();
    await eventually(async () => {
      await world.clock.advance(5_000);
      expect(await world.hub.host("default", machine.known ?? "")).toMatchObject({ hostStatus: "Running" });
    });
  });
});

async function linkOf(world: World, name: string): Promise<Json> {
  return world.hub.ask("GET", `${PROJECT}/sites/${world.site(name).id}/status`);
}
