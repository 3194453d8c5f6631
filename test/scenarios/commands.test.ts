import { expect, test } from "vitest";
import { agree } from "../world/agreement.ts";
import { eventually } from "../world/eventually.ts";
import { createWorld } from "../world/world.ts";

const HOSTS = "/v1/projects/default/compute/hosts";

async function commandWorld() {
  const world = await createWorld({ sites: ["oslo"] });
  const { machine, id } = await world.runningMachine({ site: "oslo" });
  await agree(world, "oslo");
  const site = world.site("oslo");
  const path = `${HOSTS}/${id}/commands`;
  return {
    ...{ world, machine, id, site },
    atHub: (command: string, more: object = {}) => world.hub.ask("POST", path, { command, ...more }),
    atSite: (command: string, more: object = {}) => site.ask("POST", path, { command, ...more }),
    status: async (commandId: string) =>
      (await world.hub.ask("GET", `${path}/${commandId}`)) as { status: string; reason?: string },
    becomes: (commandId: string, status: string) =>
      eventually(async () => {
        await world.clock.advance(1_000);
        expect(await world.hub.ask("GET", `${path}/${commandId}`)).toMatchObject({ status });
      }),
    [Symbol.asyncDispose]: () => world[Symbol.asyncDispose](),
  };
}

test("a command is carried out once, and the hub hears how it ended (rule 17)", async () => {
  await using it = await commandWorld();
  const { id } = await it.atHub("reset");
  await it.becomes(id, "done");
  expect(it.machine.switched).toEqual(["reset"]);
  it.world.wan("oslo").loseAnswers(3);
  await it.site.restart();
  await it.world.clock.advance(30_000);
  expect(it.machine.switched).toEqual(["reset"]);
});

test("a command that is older than its time when the link returns is expired, at the hub and at the site alike (rule 17)", async () => {
  await using it = await commandWorld();
  it.world.wan("oslo").cut();
  const { id } = await it.atHub("reset", { validSeconds: 600 });
  it.world.clock.leap(3 * 24 * 3_600_000);
  it.world.wan("oslo").restore();
  await it.becomes(id, "expired");
  await agree(it.world, "oslo");
  expect(it.machine.switched).toEqual([]);
});

test("a command given at the hub before it knew what the site did to the machine is refused (rule 17)", async () => {
  await using it = await commandWorld();
  it.world.wan("oslo").cut();
  const { id } = await it.atHub("reset", { validSeconds: 86_400 });
  await it.site.ask("PATCH", `${HOSTS}/${it.id}`, { desiredPowerState: "POWER_STATE_OFF" });
  await eventually(() => expect(it.machine.switched).toEqual(["off"]));
  it.world.wan("oslo").restore();
  await it.becomes(id, "refused");
  expect((await it.status(id)).reason).toMatch(/since|before/);
  expect(it.machine.switched).toEqual(["off"]);
});

test("commands given on both sides of a cut are both on record, and each machine is reset once by each at most", async () => {
  await using it = await commandWorld();
  it.world.wan("oslo").cut();
  const local = await it.atSite("reset");
  await eventually(() => expect(it.machine.switched).toEqual(["reset"]));
  const remote = await it.atHub("reset", { validSeconds: 86_400 });
  it.world.wan("oslo").restore();
  await it.becomes(local.id, "done");
  // The hub did not know of the reset at the site when it was asked for another.
  await it.becomes(remote.id, "refused");
  expect(it.machine.switched).toEqual(["reset"]);
});

test("a command waits for its machine, and is void when the machine does not come in time", async () => {
  await using it = await commandWorld();
  await it.machine.kill();
  // A command that comes before its site has seen the connection break is sent, and nobody answers it.
  await it.world.clock.advance(1_000);
  const { id } = await it.atHub("rescan", { validSeconds: 120 });
  await it.world.clock.advance(60_000);
  expect(["pending", "started"]).toContain((await it.status(id)).status);
  await it.world.clock.advance(90_000);
  await it.becomes(id, "expired");
});
