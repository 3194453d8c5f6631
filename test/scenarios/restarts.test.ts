import { expect, test } from "vitest";
import { eventually } from "../world/eventually.ts";
import type { Machine } from "../world/machine.ts";
import { createWorld, type World } from "../world/world.ts";

interface Story {
  readonly world: World;
  readonly machine: Machine;
}

/** What happens to a machine in its first minutes. Each step ends when the step has been asked for, not when it is done. */
const STEPS: readonly { readonly name: string; take(story: Story): Promise<unknown> }[] = [
  { name: "the machine is about to be admitted", take: async ({ machine }) => machine.boot() },
  {
    name: "the machine has just been admitted",
    take: ({ machine }) => eventually(() => expect(machine.hostId).toBeDefined()),
  },
  {
    name: "its hardware is at the hub",
    take: ({ world }) =>
      eventually(async () => {
        const [host] = await world.hub.hosts("default");
        expect(host?.memoryBytes).toMatch(/^[1-9]/);
      }),
  },
  {
    name: "it has just been renamed at the hub",
    take: ({ world, machine }) =>
      world.hub.ask("PATCH", `/v1/projects/default/compute/hosts/${machine.known}`, { name: "renamed" }),
  },
  { name: "it has just lost a disk", take: async ({ machine }) => machine.removeDisk("nvme0n1") },
];

const PROGRAMS = {
  hub: ({ world }) => world.hub.restart(),
  "site-node": ({ world }) => world.site("oslo").restart(),
  agent: async ({ machine }) => {
    if (!machine.isOn) return;
    await machine.kill();
    await machine.boot();
  },
} satisfies Record<string, (story: Story) => Promise<void>>;

for (const [program, restart] of Object.entries(PROGRAMS)) {
  test.each(STEPS.map(({ name }) => name))(
    `a restart of the ${program} when %s changes nothing in the end`,
    async (at) => {
      await using world = await createWorld({ sites: ["oslo"] });
      const story = { world, machine: await world.machine({ site: "oslo" }) };
      for (const { name, take } of STEPS) {
        await take(story);
        if (name === at) await restart(story);
      }
      await eventually(async () => {
        await world.clock.advance(2_000);
        const [host, ...others] = await world.hub.hosts("default");
        expect(others).toEqual([]);
        expect(host).toMatchObject({ name: "renamed", hostStatus: "Running", currentState: "HOST_STATE_ONBOARDED" });
        expect(host.observedGeneration).toBe(host.generation);
        const disks = host.hostStorages.map(({ deviceName }: { deviceName: string }) => deviceName);
        expect(disks.length).toBeGreaterThan(0);
        expect(disks).not.toContain("nvme0n1");
      });
    },
  );
}
