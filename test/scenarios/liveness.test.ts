import { expect, test } from "vitest";
import { eventually } from "../world/eventually.ts";
import type { Machine } from "../world/machine.ts";
import { createWorld, type World } from "../world/world.ts";

const ERROR = "STATUS_INDICATION_ERROR";
const IDLE = "STATUS_INDICATION_IDLE";

async function plugged(world: World): Promise<Machine> {
  const machine = await world.machine({ site: "oslo" });
  await machine.boot();
  await shows(world, machine, IDLE);
  return machine;
}

async function shows(world: World, machine: Machine, indicator: string): Promise<void> {
  await eventually(async () => {
    expect(machine.known).toBeDefined();
    expect(await world.hub.host("default", machine.known ?? "")).toHaveProperty("hostStatusIndicator", indicator);
  });
}

test("an agent that is killed is seen to be gone within 15 seconds", async () => {
  await using world = await createWorld({ sites: ["oslo"] });
  const machine = await plugged(world);
  await machine.kill();
  await world.clock.advance(15_000);
  await shows(world, machine, ERROR);
});

test("an agent that is back before five seconds have passed was never gone", async () => {
  await using world = await createWorld({ sites: ["oslo"] });
  const machine = await plugged(world);
  await machine.kill();
  await world.clock.advance(2_000);
  await machine.boot();
  await eventually(() => expect(machine.agent.status.session).toBeDefined());
  await world.clock.advance(10_000);
  await shows(world, machine, IDLE);
});

test("an agent that falls silent is seen to be gone within 35 seconds", async () => {
  await using world = await createWorld({ sites: ["oslo"] });
  const machine = await plugged(world);
  machine.goSilent();
  await world.clock.advance(20_000);
  await shows(world, machine, IDLE);
  await world.clock.advance(15_000);
  await shows(world, machine, ERROR);
});

test("a machine that was gone comes back as the host it was", async () => {
  await using world = await createWorld({ sites: ["oslo"] });
  const machine = await plugged(world);
  await machine.kill();
  await world.clock.advance(15_000);
  await shows(world, machine, ERROR);

  await machine.boot();
  await shows(world, machine, IDLE);
  expect(await world.hub.hosts("default")).toHaveLength(1);
});

test("a machine that says goodbye is not an error", async () => {
  await using world = await createWorld({ sites: ["oslo"] });
  const machine = await plugged(world);
  await machine.shutDown();
  await world.clock.advance(60_000);
  await eventually(async () => {
    const host = await world.hub.host("default", machine.known ?? "");
    expect(host.hostStatus).not.toBe("Running");
    expect(host.hostStatusIndicator).not.toBe(ERROR);
  });
});

test("a restarted site-node calls no machine lost that had no time to come back", async () => {
  await using world = await createWorld({ sites: ["oslo"] });
  const machine = await plugged(world);
  await world.site("oslo").restart();
  const seen = new Set<string>();
  for (let second = 0; second < 20; second++) {
    await world.clock.advance(1_000);
    seen.add((await world.hub.host("default", machine.known ?? "")).hostStatusIndicator);
  }
  await eventually(() => expect(machine.agent.status.session).toBeDefined());
  expect([...seen]).toEqual([IDLE]);
});
