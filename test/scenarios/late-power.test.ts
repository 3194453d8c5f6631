import { expect, test } from "vitest";
import { agree } from "../world/agreement.ts";
import { eventually } from "../world/eventually.ts";
import { createWorld } from "../world/world.ts";

const HOSTS = "/v1/projects/default/compute/hosts";
const HOUR = 3_600_000;
const OFF = { desiredPowerState: "POWER_STATE_OFF" };

async function cutOff() {
  const world = await createWorld({ sites: ["oslo"] });
  const { machine, id } = await world.runningMachine({ site: "oslo" });
  await agree(world, "oslo");
  world.wan("oslo").cut();
  world.clock.leap(HOUR);
  await eventually(async () => expect((await world.hub.host("default", id)).hostStatus).toMatch(/^Unknown since/));
  await world.hub.ask("PATCH", `${HOSTS}/${id}`, OFF);
  return {
    ...{ world, machine, id },
    /** The link is back after so many hours in all. */
    async back(hours: number) {
      world.clock.leap((hours - 1) * HOUR);
      // Whoever was missed in the leap is heard again.
      await world.clock.advance(40_000);
      world.wan("oslo").restore();
      await eventually(async () => {
        await world.clock.advance(1_000);
        expect(await world.site("oslo").host(id)).toMatchObject(OFF);
      });
    },
    shows: (status: RegExp) =>
      eventually(async () => {
        await world.clock.advance(1_000);
        expect((await world.hub.host("default", id)).powerStatus).toMatch(status);
      }),
    [Symbol.asyncDispose]: () => world[Symbol.asyncDispose](),
  };
}

test("a machine that was wanted off three days ago stays on when the link returns, says why, and goes off when it is wanted again (rule 17)", async () => {
  await using it = await cutOff();
  await it.back(72);
  await it.shows(/^Not switched off: it was wanted too long ago/);
  expect(it.machine.switched).toEqual([]);
  await it.world.hub.ask("PATCH", `${HOSTS}/${it.id}`, OFF);
  await it.shows(/^Powered off/);
  expect(it.machine.switched).toEqual(["off"]);
});

test("wanted again at the site it goes off too, and one that was wanted off last night goes off unasked (rule 17)", async () => {
  await using it = await cutOff();
  await it.back(72);
  await it.shows(/^Not switched off/);
  await it.world.site("oslo").ask("PATCH", `${HOSTS}/${it.id}`, OFF);
  await it.shows(/^Powered off/);

  await using night = await cutOff();
  await night.back(10);
  await night.shows(/^Powered off/);
  expect(night.machine.switched).toEqual(["off"]);
});
