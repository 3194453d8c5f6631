import { expect, test } from "vitest";
import { eventually } from "../world/eventually.ts";
import { createWorld } from "../world/world.ts";

test("two sites of one project each manage their own machines, and the hub shows both", async () => {
  await using world = await createWorld({ sites: ["oslo", "bergen"] });
  const oslo = await world.machine({ site: "oslo", tree: "synthetic-dimm-nvme-server" });
  const bergen = await world.machine({ site: "bergen", tree: "synthetic-arm-board" });
  await Promise.all([oslo.boot(), bergen.boot()]);

  await eventually(async () => {
    const hosts = await world.hub.hosts("default");
    const bySite = Object.fromEntries(hosts.map((host) => [host.siteId, host.resourceId]));
    expect(bySite).toEqual({ [world.site("oslo").id]: oslo.hostId, [world.site("bergen").id]: bergen.hostId });
    for (const host of hosts) expect(host.hostStatus).toBe("Running");
  });
});

test("a site's hosts do not travel to another site", async () => {
  await using world = await createWorld({ sites: ["oslo", "bergen"] });
  const oslo = await world.machine({ site: "oslo" });
  await oslo.boot();
  await eventually(async () => expect((await world.hub.hosts("default"))[0]?.hostStatus).toBe("Running"));
  await world.site("bergen").node.caughtUp();
  expect(await world.site("bergen").hostIds()).toEqual([]);
  expect(await world.site("oslo").hostIds()).toEqual([oslo.hostId]);
});

test("two projects see nothing of each other, at the hub and at their sites", async () => {
  await using world = await createWorld();
  const stranger = await world.addProject("other");
  await world.addSite("oslo");
  await world.addSite("malmo", "other");
  const [ours, theirs] = [
    await world.machine({ site: "oslo", tree: "synthetic-dimm-nvme-server" }),
    await world.machine({ site: "malmo", tree: "synthetic-arm-board" }),
  ];
  await Promise.all([ours.boot(), theirs.boot()]);
  await eventually(async () => {
    expect((await world.hub.hosts("default")).map((host) => host.resourceId)).toEqual([ours.hostId]);
    expect((await world.hub.hosts("other")).map((host) => host.resourceId)).toEqual([theirs.hostId]);
  });

  const asked = (path: string) => world.hub.request("GET", path, undefined, stranger.token);
  expect((await asked("/v1/projects/other/compute/hosts")).status).toBe(200);
  const refused = await asked("/v1/projects/default/compute/hosts");
  expect([403, 404]).toContain(refused.status);
  expect(JSON.stringify(refused.body)).not.toContain(ours.hostId);
  const through = await asked(`/v1/projects/other/compute/hosts/${ours.hostId}`);
  expect(through.status).toBe(404);

  await world.site("malmo").node.caughtUp();
  expect(await world.site("malmo").hostIds()).toEqual([theirs.hostId]);
});

test("a host that is moved at the hub is let go by one site and taken over by the other", async () => {
  await using world = await createWorld({ sites: ["oslo", "bergen"] });
  const machine = await world.machine({ site: "oslo" });
  await machine.boot();
  await eventually(async () => expect((await world.hub.hosts("default"))[0]?.hostStatus).toBe("Running"));

  const path = `/v1/projects/default/compute/hosts/${machine.known}`;
  await world.hub.ask("PATCH", path, { siteId: world.site("bergen").id });
  await eventually(async () => {
    expect(await world.site("oslo").hostIds()).toEqual([]);
    expect(await world.site("bergen").hostIds()).toEqual([machine.known]);
    expect(machine.agent.status.session).toBeUndefined();
  });
});
