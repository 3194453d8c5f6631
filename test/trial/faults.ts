import { administer } from "@holdfast/hub/administer";
import { clearDisk, fillDisk } from "../simulation/disks.ts";
import { simulation } from "../simulation/simulation.ts";
import type { Steps } from "./actions.ts";
import { bootUnlessOn, soon } from "./deaths.ts";
import { PROJECT } from "./trial.ts";

const HOUR = 3_600_000;
const SKEWS = [-49 * HOUR, -HOUR, -20_000, 0, 15_000, HOUR, 50 * HOUR];

/** How long a disk stays full, milliseconds. */
const FULL_FOR = 120_000;

/** What goes wrong, and what is done about it. */
export const FAULTS: Steps = {
  "a link is cut": { weight: 12, isFault: true, do: (_, { site }) => site.wan.cut() },
  "a link is stalled": { weight: 5, isFault: true, do: (_, { site }) => site.wan.stall() },
  "a link is slow": { weight: 4, isFault: true, do: (_, { site, which }) => site.wan.slow(which % 20_000) },
  "a link is back": { weight: 16, do: (_, { site }) => site.wan.restore() },
  "a feed is lost": { weight: 6, isFault: true, do: (_, { site }) => site.wan.loseFeed() },
  "answers are lost": { weight: 8, isFault: true, do: (_, { site, which }) => site.wan.loseAnswers(1 + (which % 3)) },
  "what a site sends comes twice": {
    weight: 8,
    isFault: true,
    do: (_, { site, which }) => site.wan.duplicate(1 + (which % 3)),
  },
  "a machine's plug is pulled": {
    weight: 2,
    isFault: true,
    do: async (_, { machine }) => {
      if (machine.isOn) await machine.kill();
    },
  },
  "a machine's cable is dead": { weight: 1, isFault: true, do: (_, { machine }) => machine.goSilent() },
  "a machine's cable is good": { weight: 2, do: (_, { machine }) => machine.speakAgain() },
  "an agent is killed": {
    weight: 2,
    isFault: true,
    do: (_, { machine }) => {
      if (!machine.isOn) return;
      machine.crash();
      simulation().time.after(2_000, () => bootUnlessOn(machine));
    },
  },
  "an agent will be killed": {
    weight: 2,
    do: ({ deaths }, { machine, which }) => deaths.orderOfAgent(machine, soon(which)),
  },
  "the hub will be killed": { weight: 4, do: ({ deaths, world }, { which }) => deaths.order(world.hub, soon(which)) },
  "a site-node will be killed": { weight: 6, do: ({ deaths }, { site, which }) => deaths.order(site, soon(which)) },
  "an agent will be killed somewhere": {
    weight: 8,
    do: ({ deaths }, { machine }) => deaths.orderOfAgent(machine),
  },
  "the hub will be killed somewhere": {
    weight: 16,
    do: ({ deaths, world }) => deaths.order(world.hub),
  },
  "a site-node will be killed somewhere": {
    weight: 22,
    do: ({ deaths }, { site }) => deaths.order(site),
  },
  "the hub restarts": {
    weight: 1,
    isFault: true,
    do: (trial) => trial.restart(trial.world.hub),
  },
  "a site-node restarts": {
    weight: 2,
    isFault: true,
    do: (trial, { site }) => trial.restart(site),
  },
  "a program is killed while it ends": {
    weight: 3,
    do: (trial, { site, which }) => {
      const of = which % 3 === 0 ? trial.world.hub : site;
      trial.deaths.order(of, soon(which));
      return trial.restart(of);
    },
  },
  "the hub's clock is wrong": {
    weight: 1,
    isFault: true,
    do: (trial, { which }) => {
      trial.areClocksWrong = true;
      trial.world.hub.clock.ahead = SKEWS[which % SKEWS.length] ?? 0;
    },
  },
  "a site's clock is wrong": {
    weight: 2,
    isFault: true,
    do: (trial, { site, which }) => {
      trial.areClocksWrong = true;
      site.clock.ahead = SKEWS[which % SKEWS.length] ?? 0;
    },
  },
  "a disk is full": {
    weight: 1,
    isFault: true,
    do: ({ world }, { site, which }) => {
      const at = which % 3 === 0 ? world.hub : site;
      if (!at.isRunning) return;
      const { program } = at;
      fillDisk(program);
      simulation().time.after(FULL_FOR, () => clearDisk(program));
    },
  },
};

/** What takes away, or brings back, what a disk held. */
export const DISASTERS: Steps = {
  "the hub's disk is copied": {
    weight: 2,
    do: async (trial) => {
      await trial.allUp();
      trial.hubBefore = await trial.world.hub.snapshot();
    },
  },
  "the hub is rolled back": {
    weight: 1,
    isFault: true,
    do: async (trial) => {
      const before = trial.hubBefore;
      if (before) await trial.disaster(() => trial.world.hub.rollBackTo(before));
    },
  },
  "the hub is backed up": {
    weight: 2,
    do: async (trial) => {
      const file = `${trial.world.hub.home}-backup-${trial.next()}`;
      await administer("backup", { arguments: [file, "--home", trial.world.hub.home], environment: {} });
      trial.backup = file;
    },
  },
  "the hub is restored from its backup": {
    weight: 1,
    isFault: true,
    do: async (trial) => {
      const { backup } = trial;
      const { hub } = trial.world;
      if (backup === undefined) return;
      await trial.disaster(async () => {
        await hub.stop();
        await administer("restore", { arguments: [backup, "--home", hub.home], environment: {} });
        await hub.start();
      });
      for (const { name } of trial.sites) trial.held.add(name);
    },
  },
  "a site's disk is copied": {
    weight: 2,
    do: async (trial, { site }) => {
      await trial.allUp();
      trial.siteBefore.set(site.name, await site.snapshot());
    },
  },
  "a site is rolled back": {
    weight: 1,
    isFault: true,
    do: async (trial, { site }) => {
      const before = trial.siteBefore.get(site.name);
      if (!before) return;
      trial.anySiteRolledBack = true;
      await trial.disaster(() => site.rollBackTo(before));
    },
  },
  "a site's disk is lost": {
    weight: 1,
    isFault: true,
    do: async (trial, { site }) => {
      await trial.disaster(() => site.loseDisk());
      trial.held.add(site.name);
    },
  },
  "a hold is released at the hub": {
    weight: 2,
    do: async (trial, { site }) => {
      await trial.ask(trial.world.hub, "DELETE", `${PROJECT}/sites/${site.id}/hold`);
      trial.held.delete(site.name);
    },
  },
  "a hold is released at a site": {
    weight: 2,
    do: async (trial, { site }) => {
      await trial.ask(site, "DELETE", `${PROJECT}/sites/${site.id}/hold`);
      trial.held.delete(site.name);
    },
  },
};
