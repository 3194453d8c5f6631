import { expect, test } from "vitest";
import { eventually } from "../world/eventually.ts";
import { createWorld, type World } from "../world/world.ts";

async function running(world: World, site = "oslo") {
  const machine = await world.machine({ site });
  await machine.boot();
  const project = world.site(site).project;
  const host = await eventually(async () => {
    expect(machine.hostId).toBeDefined();
    const shown = await world.hub.host(project, machine.hostId ?? "");
    expect(shown.hostStatus).toBe("Running");
    return shown;
  });
  return { machine, host, path: `/v1/projects/${project}/compute/hosts/${host.resourceId}` };
}

test("a name given at the hub reaches the machine, and the hub sees that it did", async () => {
  await using world = await createWorld({ sites: ["oslo"] });
  const { host, path } = await running(world);

  const renamed = await world.hub.ask("PATCH", path, { name: "till-7", metadata: [{ key: "role", value: "till" }] });
  expect(renamed.generation).toBeGreaterThan(host.generation);

  await eventually(async () => {
    const shown = await world.hub.host("default", host.resourceId);
    expect(shown).toMatchObject({ name: "till-7", observedGeneration: renamed.generation });
  });
});

test("a host that is invalidated at the hub is thrown out at its site, and stays out", async () => {
  await using world = await createWorld({ sites: ["oslo"] });
  const { machine, host, path } = await running(world);

  await world.hub.ask("PUT", `${path}/invalidate?note=stolen`);

  await eventually(async () => {
    const shown = await world.hub.host("default", host.resourceId);
    expect(shown).toMatchObject({ currentState: "HOST_STATE_UNTRUSTED", note: "stolen" });
    expect(machine.agent.status.session).toBeUndefined();
  });
  await world.clock.advance(20_000);
  expect(machine.agent.status.session).toBeUndefined();
});

test("a host that is deleted at the hub disappears once its site has let it go", async () => {
  await using world = await createWorld({ sites: ["oslo"] });
  const { machine, host, path } = await running(world);

  world.wan("oslo").cut();
  await world.hub.ask("DELETE", path);
  expect(await world.hub.host("default", host.resourceId)).toMatchObject({ desiredState: "HOST_STATE_DELETED" });

  world.wan("oslo").restore();
  await world.clock.advance(60_000);
  await eventually(async () => {
    expect((await world.hub.request("GET", path)).status).toBe(404);
    expect(machine.agent.status.session).toBeUndefined();
  });
});

test("a deleted host's name may not be changed while its site lets it go", async () => {
  await using world = await createWorld({ sites: ["oslo"] });
  const { path } = await running(world);
  world.wan("oslo").cut();
  await world.hub.ask("DELETE", path);
  expect(await world.hub.request("PATCH", path, { name: "too-late" })).toMatchObject({
    status: 400,
    body: { code: "FailedPrecondition" },
  });
});

test("a host that was registered by its UUID is recognised when it comes", async () => {
  await using world = await createWorld({ sites: ["oslo"] });
  const machine = await world.machine({ site: "oslo" });
  const { uuid } = await machine.identity();
  const registered = await world.hub.ask("POST", "/v1/projects/default/compute/hosts/register", {
    name: "expected",
    uuid,
    autoOnboard: true,
  });
  await world.hub.ask("PATCH", `/v1/projects/default/compute/hosts/${registered.resourceId}`, {
    siteId: world.site("oslo").id,
  });
  await world.site("oslo").node.caughtUp();
  await machine.boot();

  await eventually(async () => {
    const [host, ...others] = await world.hub.hosts("default");
    expect(others).toEqual([]);
    expect(host).toMatchObject({ resourceId: registered.resourceId, name: "expected", hostStatus: "Running" });
  });
});
