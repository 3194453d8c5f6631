import { expect, test } from "vitest";
import { agree } from "../world/agreement.ts";
import { eventually } from "../world/eventually.ts";
import { createWorld, type World } from "../world/world.ts";

const HOSTS = "/v1/projects/default/compute/hosts";
const DAY = 24 * 3_600_000;

/** Days in which machines go on as ever; whoever is missed in the leap to the next is heard again. */
async function days(world: World, count: number): Promise<void> {
  for (let day = 0; day < count; day += 1) {
    world.clock.leap(DAY - 40_000);
    await world.clock.advance(40_000);
  }
}

test("a site that was cut off for half a year is told anew what there is, and what it did and was asked for is kept (rules 6, 9, 10, 15)", async () => {
  await using world = await createWorld({ sites: ["oslo"] });
  const site = world.site("oslo");
  const { id, machine } = await world.runningMachine({ site: "oslo" });
  const never = { name: "never-came", serialNumber: "SN00001" };
  const doomed = (await world.hub.ask("POST", `${HOSTS}/register`, never)).resourceId;
  await world.hub.ask("PATCH", `${HOSTS}/${doomed}`, { siteId: site.id });
  await agree(world, "oslo");
  world.wan("oslo").cut();

  await days(world, 10);
  await site.ask("PATCH", `${HOSTS}/${id}`, { name: "named-at-site" });
  const reset = await world.hub.ask("POST", `${HOSTS}/${id}/commands`, { command: "reset" });
  await days(world, 2);
  expect(await world.hub.ask("GET", `${HOSTS}/${id}/commands/${reset.id}`)).toMatchObject({ status: "expired" });
  await days(world, 28);
  await world.hub.ask("PATCH", `${HOSTS}/${id}`, { metadata: [{ key: "since", value: "day-40" }] });
  await world.hub.ask("DELETE", `${HOSTS}/${doomed}`);
  const fresh = (await world.hub.ask("POST", `${HOSTS}/register`, { name: "fresh", serialNumber: "SN00002" }))
    .resourceId;
  await world.hub.ask("PATCH", `${HOSTS}/${fresh}`, { siteId: site.id });
  await days(world, 40);
  const made = (await site.ask("POST", `${HOSTS}/register`, { name: "made-at-site", serialNumber: "SN00003" }))
    .resourceId;
  await world.hub.restart();
  await site.restart();
  machine.removeDisk("nvme0n1");
  await days(world, 40);

  // What an operator may do at a site that hears nothing of the hub ends after ninety days.
  const late = await site.request("PATCH", `${HOSTS}/${id}`, { name: "too-late" });
  expect(late.status).toBeGreaterThanOrEqual(401);
  expect(late.status).toBeLessThanOrEqual(403);
  await days(world, 60);
  expect(machine.agent.status.healthy).toBe(true);
  expect((await world.hub.host("default", id)).hostStatus).toMatch(/^Unknown since 2026-01-/);

  world.wan("oslo").restore();
  await agree(world, "oslo");
  await eventually(async () => {
    const host = await world.hub.host("default", id);
    const metadata = [{ key: "since", value: "day-40" }];
    expect(host).toMatchObject({ name: "named-at-site", metadata, hostStatus: "Running" });
    expect(host.hostStorages.map(({ deviceName }: { deviceName: string }) => deviceName)).not.toContain("nvme0n1");
  });
  expect(machine.switched).toEqual([]);
  expect((await world.hub.request("GET", `${HOSTS}/${doomed}`)).status).toBe(404);
  expect((await site.hostIds()).toSorted()).toEqual([id, fresh, made].toSorted());
  expect(await world.hub.host("default", made)).toMatchObject({ name: "made-at-site" });
  expect(await world.hub.conflicts()).toEqual([]);
}, 120_000);
