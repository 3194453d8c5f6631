import { expect, test } from "vitest";
import { agree, wanted } from "../world/agreement.ts";
import { eventually } from "../world/eventually.ts";
import type { Json } from "../world/request.ts";
import { createWorld } from "../world/world.ts";

const PROJECT = "/v1/projects/default";
const HOSTS = `${PROJECT}/compute/hosts`;

/** A world in which one machine runs at oslo, and two operators work on either side of a link that is cut. */
async function cutWorld() {
  const world = await createWorld({ sites: ["oslo"] });
  const { machine, id } = await world.runningMachine({ site: "oslo" });
  const [alice, bob] = [await world.hub.operator("alice"), await world.hub.operator("bob")];
  const site = world.site("oslo");
  await agree(world, "oslo");
  const before = await wanted(world, "oslo", id);
  world.wan("oslo").cut();
  return {
    ...{ world, machine, id, site, alice, bob },
    atHub: (method: string, path: string, body?: unknown) =>
      world.hub.request(method, `${HOSTS}/${id}${path}`, body, alice.token),
    atSite: (method: string, path: string, body?: unknown) =>
      site.request(method, `${HOSTS}/${id}${path}`, body, { token: bob.token }),
    heal: async () => {
      world.wan("oslo").restore();
      await agree(world, "oslo");
    },
    /** Hub and site want of the host what they wanted before the cut but for these fields, and show these. */
    becomes: async (changes: Readonly<Record<string, unknown>>): Promise<void> => {
      expect(await wanted(world, "oslo", id)).toEqual({ ...before, ...changes });
      expect(await world.hub.host("default", id)).toMatchObject(changes);
      expect(await site.host(id)).toMatchObject(changes);
    },
    [Symbol.asyncDispose]: () => world[Symbol.asyncDispose](),
  };
}

test("two operators on both sides of a cut change different fields, and both have their way (rule 1)", async () => {
  await using it = await cutWorld();
  expect((await it.atHub("PATCH", "", { name: "till-1" })).status).toBe(200);
  const local = await it.atSite("PATCH", "", { metadata: [{ key: "row", value: "7" }] });
  expect(local).toMatchObject({ status: 200, body: { metadata: [{ key: "row", value: "7" }] } });
  expect(local.headers.get("holdfast-durability")).toBe("site");
  await it.heal();
  await it.becomes({ name: "till-1", metadata: [{ key: "row", value: "7" }] });
  expect(await it.world.hub.conflicts()).toEqual([]);
});

test("two operators on both sides of a cut change the same field: both values are kept, with who wanted them, until one is chosen (rules 1, 3)", async () => {
  await using it = await cutWorld();
  await it.atHub("PATCH", "", { name: "from-the-hub" });
  expect(await it.atSite("PATCH", "", { name: "from-the-site" })).toMatchObject({
    status: 200,
    body: { name: "from-the-site" },
  });
  await it.heal();

  await it.becomes({ name: "from-the-hub" });
  const [conflict, ...others] = await it.world.hub.conflicts();
  expect(others).toEqual([]);
  expect(conflict).toMatchObject({ kind: "host", resourceId: it.id, field: "name" });
  const standing = conflict.values.find((value: Json) => value.standing);
  const other = conflict.values.find((value: Json) => !value.standing);
  expect(standing).toMatchObject({ value: "from-the-hub", by: "hub", actor: "operator:alice" });
  expect(other).toMatchObject({
    value: "from-the-site",
    by: it.site.id,
    actor: expect.stringContaining("operator:bob"),
  });
  const { conflicts: atSite } = await it.site.ask("GET", `${PROJECT}/conflicts`);
  expect(atSite).toEqual([conflict]);

  await it.world.hub.ask("POST", `${PROJECT}/conflicts/${conflict.id}/resolve`, { choose: other.write });
  await agree(it.world, "oslo");
  await it.becomes({ name: "from-the-site" });
  expect(await it.world.hub.conflicts()).toEqual([]);
  expect((await it.site.ask("GET", `${PROJECT}/conflicts`)).conflicts).toEqual([]);
});

test("a conflict is resolved at the site, also while the link is cut again (rule 3)", async () => {
  await using it = await cutWorld();
  await it.atHub("PATCH", "", { name: "from-the-hub" });
  await it.atSite("PATCH", "", { name: "from-the-site" });
  await it.heal();
  const [conflict] = await it.world.hub.conflicts();
  it.world.wan("oslo").cut();
  const choose = conflict.values.find((value: Json) => !value.standing).write;
  const answer = await it.site.request("POST", `${PROJECT}/conflicts/${conflict.id}/resolve`, { choose });
  expect(answer.status).toBe(200);
  expect((await it.site.host(it.id)).name).toBe("from-the-site");
  expect((await it.site.ask("GET", `${PROJECT}/conflicts`)).conflicts).toEqual([]);
  await it.heal();
  await it.becomes({ name: "from-the-site" });
  expect(await it.world.hub.conflicts()).toEqual([]);
});

test("a choice made without knowledge of a third value leaves the conflict open with all of them (rule 3)", async () => {
  await using it = await cutWorld();
  await it.atHub("PATCH", "", { name: "first" });
  await it.atSite("PATCH", "", { name: "second" });
  await it.heal();
  const [conflict] = await it.world.hub.conflicts();
  it.world.wan("oslo").cut();
  const second = conflict.values.find((value: Json) => value.value === "second").write;
  await it.site.ask("POST", `${PROJECT}/conflicts/${conflict.id}/resolve`, { choose: second });
  await it.atHub("PATCH", "", { name: "third" });
  await it.heal();
  const [open] = await it.world.hub.conflicts();
  expect(open.values.map(({ value }: Json) => value).toSorted()).toEqual(
    expect.arrayContaining(["first", "second", "third"]),
  );
  await it.becomes({ name: "third" });
});

test("an edit at the site meets a deletion at the hub: the deletion stands, and the edit is not silently lost (rule 15)", async () => {
  await using it = await cutWorld();
  await it.atHub("DELETE", "");
  expect((await it.atSite("PATCH", "", { name: "still-needed" })).status).toBe(200);
  await it.heal();
  expect((await it.world.hub.request("GET", `${HOSTS}/${it.id}`)).status).toBe(404);
  expect((await it.site.request("GET", `${HOSTS}/${it.id}`)).status).toBe(421);
  const { events } = { events: await wantedOf(it.world, it.id) };
  expect(events).toContain("still-needed");
});

test("a host that is deleted and registered again at the hub is another one for its site", async () => {
  await using it = await cutWorld();
  const { serialNumber, uuid } = await it.machine.identity();
  await it.atHub("DELETE", "");
  it.world.wan("oslo").restore();
  await eventually(async () => expect((await it.world.hub.request("GET", `${HOSTS}/${it.id}`)).status).toBe(404));
  it.world.wan("oslo").cut();
  const again = await it.world.hub.ask("POST", `${HOSTS}/register`, {
    name: "again",
    serialNumber: serialNumber.replaceAll("-", "").slice(0, 20),
    uuid,
  });
  expect(again.resourceId).not.toBe(it.id);
  await it.world.hub.ask("PATCH", `${HOSTS}/${again.resourceId}`, { siteId: it.site.id });
  await it.heal();
  expect((await it.site.host(again.resourceId)).name).toBe("again");
  expect((await it.site.request("GET", `${HOSTS}/${it.id}`)).status).toBe(421);
});

test("power is wanted on at the hub and off at the site: what is off stays off until somebody chooses (rule 3)", async () => {
  await using it = await cutWorld();
  await it.atHub("PATCH", "", { desiredPowerState: "POWER_STATE_OFF" });
  await it.atHub("PATCH", "", { desiredPowerState: "POWER_STATE_ON" });
  expect((await it.atSite("PATCH", "", { desiredPowerState: "POWER_STATE_OFF" })).status).toBe(200);
  await eventually(() => expect(it.machine.switched).toEqual(["off"]));
  await it.heal();
  await it.becomes({ desiredPowerState: "POWER_STATE_ON" });
  const [conflict] = await it.world.hub.conflicts();
  expect(conflict).toMatchObject({ field: "desiredPowerState" });
  await it.world.clock.advance(60_000);
  expect(it.machine.switched).toEqual(["off"]);
  expect((await it.world.hub.host("default", it.id)).currentPowerState).toBe("POWER_STATE_OFF");

  const off = conflict.values.find(({ value }: Json) => value === "POWER_STATE_OFF").write;
  await it.world.hub.ask("POST", `${PROJECT}/conflicts/${conflict.id}/resolve`, { choose: off });
  await agree(it.world, "oslo");
  await it.becomes({ desiredPowerState: "POWER_STATE_OFF" });
  expect(it.machine.switched).toEqual(["off"]);
});

test("what an operator did at a cut-off site after the hub had revoked them is a conflict, not a loss and not a fact (rule 6)", async () => {
  await using it = await cutWorld();
  expect((await it.atSite("PATCH", "", { name: "before" })).status).toBe(200);
  await it.world.hub.running.tokens.revoke(it.bob.id);
  // The site cannot know yet.
  expect((await it.atSite("PATCH", "", { metadata: [{ key: "after", value: "revoked" }] })).status).toBe(200);
  await it.heal();
  const conflicts = await it.world.hub.conflicts();
  expect(conflicts.map(({ field }: Json) => field).toSorted()).toEqual(["metadata", "name"]);
  for (const { values } of conflicts) {
    expect(values.find(({ standing }: Json) => !standing).reason).toMatch(/revoked/);
  }
  expect((await it.atSite("GET", "")).status).toBe(401);
});

test("the same machine registered on both sides of a cut stays one, and both ids find it (rule 5)", async () => {
  await using world = await createWorld({ sites: ["oslo"] });
  const site = world.site("oslo");
  await site.node.caughtUp();
  world.wan("oslo").cut();
  const register = { name: "", serialNumber: "SN0000042", uuid: "4c4c4544-0042-4d10-8053-b7c04f4e3499" };
  const atHub = await world.hub.ask("POST", `${HOSTS}/register`, { ...register, name: "by-alice" });
  const atSite = await site.ask("POST", `${HOSTS}/register`, { ...register, name: "by-bob" });
  expect(atSite.resourceId).not.toBe(atHub.resourceId);
  world.wan("oslo").restore();
  await agree(world, "oslo");
  expect(await world.hub.hosts("default")).toHaveLength(1);
  const survivor = await world.hub.host("default", atSite.resourceId);
  expect(survivor).toMatchObject({ resourceId: atHub.resourceId, name: "by-alice", siteId: site.id });
  expect((await site.host(atSite.resourceId)).resourceId).toBe(atHub.resourceId);
  const [conflict] = await world.hub.conflicts();
  expect(conflict).toMatchObject({ resourceId: atHub.resourceId, field: "name" });
  expect(conflict.values.map(({ value }: Json) => value).toSorted()).toEqual(["by-alice", "by-bob"]);
});

/** Everything that the hub keeps of what was wanted of a host that is gone. */
async function wantedOf(world: Awaited<ReturnType<typeof createWorld>>, id: string): Promise<string> {
  const rows = await world.hub.running.store.read((view) =>
    view
      .tables<{ event: { subject: string; detail: string | null } }>()
      .selectFrom("event")
      .select("detail")
      .where("subject", "=", id)
      .execute(),
  );
  return rows.map(({ detail }) => detail ?? "").join("\n");
}
