import { expect, test } from "vitest";
import { agree, wanted } from "../world/agreement.ts";
import { eventually } from "../world/eventually.ts";
import type { Json } from "../world/request.ts";
import { createWorld } from "../world/world.ts";

const PROJECT = "/v1/projects/default";
const HOSTS = `${PROJECT}/compute/hosts`;
const HOUR = 3_600_000;
const DAY = 24 * HOUR;

test("a site goes on for thirty days alone with hosts coming, changing and going, and sends what changed, not how long it took (rule 9)", async () => {
  await using world = await createWorld({ sites: ["oslo"] });
  const site = world.site("oslo");
  const staying = await world.runningMachine({ site: "oslo" });
  const leaving = await world.runningMachine({ site: "oslo", tree: "synthetic-arm-board" });
  const expected = await site.ask("POST", `${HOSTS}/register`, { name: "expected", serialNumber: "SN00077" });
  const token = await site.enrolmentToken(undefined, (30 * DAY) / 1_000);
  await agree(world, "oslo");
  const wantedBefore = new Map<string, object>();
  for (const id of [staying.id, leaving.id]) wantedBefore.set(id, await wanted(world, "oslo", id));
  world.wan("oslo").cut();

  let coming: { id: string } | undefined;
  for (let day = 1; day <= 30; day += 1) {
    await site.ask("PATCH", `${HOSTS}/${staying.id}`, {
      name: `day-${day}`,
      metadata: [{ key: "day", value: String(day) }],
    });
    if (day === 3) staying.machine.removeDisk("nvme0n1");
    if (day === 5) {
      const machine = await world.machine({
        site: "oslo",
        tree: "synthetic-nothing-readable",
        token,
      });
      await machine.boot();
      coming = await eventually(async () => {
        expect(machine.hostId).toBeDefined();
        return { id: machine.hostId ?? "" };
      });
      await site.ask("PATCH", `${HOSTS}/${coming.id}`, { name: "came-while-away" });
    }
    if (day === 10) await site.restart();
    if (day === 15) await leaving.machine.shutDown();
    if (day === 20) await site.ask("PUT", `${HOSTS}/${leaving.id}/invalidate?note=sold`);
    for (let hour = 0; hour < 24; hour += 6) {
      world.clock.leap(6 * HOUR);
      // Whoever was missed in a leap of hours is heard again.
      await world.clock.advance(40_000);
    }
  }
  await eventually(async () => expect((await site.host(staying.id)).hostStatus).toBe("Running"));
  const before = await site.status();
  // 60 edits of fields, what machines are and did; of state one entry a host, however often it changed.
  const states = await outboxOf(site.node.store, "state");
  expect(states).toBeLessThanOrEqual(3 * 3);
  expect(before.unsent.entries).toBeLessThan(60 + 30 + 5_000);
  expect(before.unsent.oldestAgeMs).toBeGreaterThan(29 * DAY);

  world.wan("oslo").restore();
  await agree(world, "oslo");
  const last = { name: "day-30", metadata: [{ key: "day", value: "30" }] };
  expect(await wanted(world, "oslo", staying.id)).toEqual({ ...wantedBefore.get(staying.id), ...last });
  const sold = { desiredState: "HOST_STATE_UNTRUSTED", note: "sold" };
  expect(await wanted(world, "oslo", leaving.id)).toEqual({ ...wantedBefore.get(leaving.id), ...sold });
  expect(await world.hub.host("default", staying.id)).toMatchObject({
    ...last,
    hostStatus: "Running",
    hostStorages: (await site.host(staying.id)).hostStorages,
  });
  expect(await world.hub.host("default", coming?.id ?? "")).toMatchObject({
    name: "came-while-away",
    hostStatus: "Running",
  });
  expect(await world.hub.host("default", leaving.id)).toMatchObject({
    desiredState: "HOST_STATE_UNTRUSTED",
    note: "sold",
    hostStatus: "Invalidated",
  });
  expect(await world.hub.host("default", expected.resourceId)).toMatchObject({ name: "expected" });
  expect(await world.hub.conflicts()).toEqual([]);
  expect(await world.hub.ask("GET", `${PROJECT}/sites/${site.id}/quarantine`)).toMatchObject({ total: 0 });
}, 180_000);

async function outboxOf(store: { read: Json }, lane: string): Promise<number> {
  const rows = await store.read((view: Json) =>
    view.tables().selectFrom("outbox").select("key").where("sealed", "=", 0).execute(),
  );
  return rows.filter(({ key }: { key: string | null }) => key?.startsWith(`${lane}/`)).length;
}

test("at the hub a silent site's hosts are unknown since it was last heard, in every view, and never green (rule 13)", async () => {
  await using world = await createWorld({ sites: ["oslo", "bergen"] });
  const [here, there] = [
    await world.runningMachine({ site: "oslo" }),
    await world.runningMachine({ site: "bergen", tree: "synthetic-arm-board" }),
  ];
  const green = `${HOSTS}?filter=${encodeURIComponent('hostStatusIndicator="STATUS_INDICATION_IDLE"')}`;
  expect((await world.hub.ask("GET", green)).totalElements).toBe(2);

  world.wan("oslo").cut();
  const unknown = await eventually(async () => {
    await world.clock.advance(10_000);
    const host = await world.hub.host("default", here.id);
    expect(host.hostStatus).toMatch(/^Unknown since \d{4}-/);
    return host;
  });
  expect(unknown).toMatchObject({
    hostStatusIndicator: "STATUS_INDICATION_UNSPECIFIED",
    currentPowerState: "POWER_STATE_UNSPECIFIED",
    observation: { site: world.site("oslo").id, stale: true, unknownSince: expect.any(String) },
  });
  expect(unknown.observation.groups.hardware).toMatchObject({ source: "agent", ageSeconds: expect.any(Number) });
  expect((await world.hub.ask("GET", green)).hosts.map(({ resourceId }: Json) => resourceId)).toEqual([there.id]);
  expect((await world.hub.host("default", there.id)).hostStatus).toBe("Running");
  // Nobody is called lost: the hub does not know.
  expect(unknown.hostStatus).not.toMatch(/No Connection/);
  const link = await world.hub.ask("GET", `${PROJECT}/sites/${world.site("oslo").id}/status`);
  expect(link.silentSince).toEqual(expect.any(String));

  // The site itself knows.
  expect(await world.site("oslo").host(here.id)).toMatchObject({ hostStatus: "Running" });
  await world.hub.restart();
  expect((await world.hub.host("default", here.id)).hostStatus).toMatch(/^Unknown since/);

  world.wan("oslo").restore();
  await agree(world, "oslo");
  await eventually(async () => {
    await world.clock.advance(1_000);
    expect((await world.hub.host("default", here.id)).hostStatus).toBe("Running");
  });
  expect((await world.hub.ask("GET", green)).totalElements).toBe(2);
});

test("the same paths answer at a cut-off site, and what is not in its slice is not called missing (rule 4)", async () => {
  await using world = await createWorld({ sites: ["oslo", "bergen"] });
  const { id } = await world.runningMachine({ site: "oslo" });
  const elsewhere = await world.runningMachine({ site: "bergen", tree: "synthetic-arm-board" });
  const os = await world.hub.ask("POST", `${PROJECT}/compute/os`, {
    ...{ name: "Debian 12", profileName: "debian-12", sha256: "a".repeat(64) },
  });
  await agree(world, "oslo");
  const site = world.site("oslo");
  const atHub = await world.hub.host("default", id);
  world.wan("oslo").cut();
  const atSite = await site.host(id);
  const shared = Object.keys(atHub).filter((name) => !["observation", "site", "timestamps"].includes(name));
  for (const name of shared) expect({ [name]: atSite[name] }).toEqual({ [name]: atHub[name] });
  expect((await site.ask("GET", HOSTS)).hosts.map(({ resourceId }: Json) => resourceId)).toEqual([id]);
  expect(
    (await site.ask("GET", `${PROJECT}/compute/os`)).OperatingSystemResources ??
      (await site.ask("GET", `${PROJECT}/compute/os/${os.resourceId}`)),
  ).toBeTruthy();
  const foreign = await site.request("GET", `${HOSTS}/${elsewhere.id}`);
  expect(foreign).toMatchObject({ status: 421, body: { code: "NotHeldHere" } });
  expect((await site.request("GET", `${PROJECT}/regions/region-00000000`)).status).toBe(404);
  expect((await site.request("GET", HOSTS, undefined, { token: "hfo_nobody-knows-this-token" })).status).toBe(401);
  expect((await site.request("POST", `${PROJECT}/regions`, { name: "here" })).status).toBeGreaterThanOrEqual(400);
  expect((await site.request("DELETE", `${HOSTS}/${id}`)).body.message).toMatch(/hub/);

  const instance = await site.ask("POST", `${PROJECT}/compute/instances`, {
    ...{
      name: "web",
      kind: "INSTANCE_KIND_METAL",
      hostID: id,
      osID: os.resourceId,
      securityFeature: "SECURITY_FEATURE_NONE",
    },
  });
  const doomed = await site.ask("GET", `${PROJECT}/compute/instances/${instance.resourceId}`);
  expect(doomed).toMatchObject({ name: "web", instanceID: instance.instanceID });
  world.wan("oslo").restore();
  await agree(world, "oslo");
  expect((await world.hub.ask("GET", `${PROJECT}/compute/instances/${instance.resourceId}`)).name).toBe("web");
  world.wan("oslo").cut();
  await site.ask("DELETE", `${PROJECT}/compute/instances/${instance.resourceId}`);
  world.wan("oslo").restore();
  await agree(world, "oslo");
  expect((await world.hub.request("GET", `${PROJECT}/compute/instances/${instance.resourceId}`)).status).toBe(404);
});

test("with the link up a write at the site can wait for the hub's word (rule 4)", async () => {
  await using world = await createWorld({ sites: ["oslo"] });
  const { id } = await world.runningMachine({ site: "oslo" });
  const site = world.site("oslo");
  const answer = await site.request("PATCH", `${HOSTS}/${id}`, { name: "both" }, { headers: { prefer: "wait=10" } });
  expect(answer.status).toBe(200);
  expect(answer.headers.get("holdfast-durability")).toBe("hub");
  expect((await world.hub.host("default", id)).name).toBe("both");
});

test("a host that nobody manages is claimed at a site, and of two sites that claim it one gets it and the other learns so", async () => {
  await using world = await createWorld({ sites: ["oslo", "bergen"] });
  const [oslo, bergen] = [world.site("oslo"), world.site("bergen")];
  const host = await world.hub.ask("POST", `${HOSTS}/register`, { name: "spare", serialNumber: "SN0000099" });
  await Promise.all([oslo.node.caughtUp(), bergen.node.caughtUp()]);
  world.wan("oslo").cut();
  world.wan("bergen").cut();
  for (const site of [oslo, bergen]) {
    expect((await site.request("PATCH", `${HOSTS}/${host.resourceId}`, { siteId: site.id })).status).toBe(200);
  }
  world.wan("oslo").restore();
  await agree(world, "oslo");
  world.wan("bergen").restore();
  await agree(world, "bergen");
  await agree(world, "oslo");
  expect(await world.hub.host("default", host.resourceId)).toMatchObject({ siteId: oslo.id });
  expect((await bergen.request("GET", `${HOSTS}/${host.resourceId}`)).status).toBe(421);
  const [conflict] = await world.hub.conflicts();
  expect(conflict).toMatchObject({ resourceId: host.resourceId, field: "siteId" });
  expect((await bergen.ask("GET", `${PROJECT}/conflicts`)).conflicts).toEqual([conflict]);
});
