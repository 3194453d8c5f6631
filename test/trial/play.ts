import { Killed } from "../simulation/program.ts";
import { seededRandom } from "../simulation/seeded-random.ts";
import { simulate } from "../simulation/simulation.ts";
import { eventually } from "../world/eventually.ts";
import { createWorld } from "../world/world.ts";
import { ACTIONS, MOVES, type Steps } from "./actions.ts";
import { COLLEAGUES } from "./colleagues.ts";
import { DISASTERS, FAULTS } from "./faults.ts";
import { type Happening, type Plan, planFrom } from "./history.ts";
import { heal, judge } from "./judge.ts";
import { Looks } from "./looks.ts";
import { PROJECT, Trial } from "./trial.ts";

/** What a history holds. */
export interface Played {
  readonly siteHours: number;
  readonly actions: number;
  readonly taken: number;
  readonly faults: number;
  readonly killedAt: readonly string[];
  readonly conflicts: number;
}

export const STEPS: Steps = { ...ACTIONS, ...COLLEAGUES, ...FAULTS, ...MOVES, ...DISASTERS };

const TREES = ["synthetic-dimm-nvme-server", "synthetic-arm-board"];
const NAMES = ["oslo", "bergen"];
const HOUR = 3_600_000;
/** After a pause that is shorter nobody looks, milliseconds. */
const LOOKED_AT_AFTER = 10_000;
/** Something must be going on for a fault to meet. */
const FAULTS_A_WISH = 1.3;

/** What a seed decides: one in four with disasters, moves where there are two sites. */
export function planOf(seed: number, length: number): Plan {
  const random = seededRandom(seed);
  // The first number of seeds that are alike is alike: it decides nothing.
  random();
  const withDisasters = seed % 4 === 3;
  const withMoves = random() < 0.5;
  const wanted = { ...ACTIONS, ...COLLEAGUES, ...(withMoves ? MOVES : {}) };
  const unwanted = { ...FAULTS, ...(withDisasters ? DISASTERS : {}) };
  return planFrom(random, { ...weightsOf(wanted, 1), ...weightsOf(unwanted, FAULTS_A_WISH) }, length);
}

function weightsOf(steps: Steps, factor: number): Record<string, number> {
  return Object.fromEntries(Object.entries(steps).map(([name, { weight }]) => [name, weight * factor]));
}

/** Plays a history from its beginning and judges what came of it. Throws when that is not as it must be. */
export async function play(seed: number, plan: Plan): Promise<Played> {
  const { time } = simulate(seed);
  const names = NAMES.slice(0, plan.sites);
  await using world = await createWorld({ sites: names });
  const profile = { name: "Debian 12", profileName: "debian-12", sha256: "a".repeat(64) };
  const os = await world.hub.ask("POST", `${PROJECT}/compute/os`, profile);
  const machines = await Promise.all(
    TREES.slice(0, plan.machines).map((tree) => world.machine({ site: NAMES[0] ?? "", tree })),
  );
  const sites = names.map((name) => world.site(name));
  for (const { node } of sites) await node.caughtUp();
  for (const machine of machines) machine.rescanSeconds = 300;
  await machines[0]?.boot();
  await eventually(() => {
    if (machines[0]?.known === undefined) throw new Error("the first machine is not admitted");
  });
  const trial = new Trial({ world, machines, sites, os: os.resourceId });
  const looks = new Looks(trial);
  const underWay = new Set<Promise<void>>();
  for (const happening of plan.happenings) {
    const isAlone = STEPS[happening.what]?.isAlone === true;
    if (isAlone) await Promise.all(underWay);
    const through = happen(trial, happening).finally(() => underWay.delete(through));
    underWay.add(through);
    if (happening.pause === 0 && !isAlone) await world.clock.advance(3);
    else {
      await through;
      looks.note();
      await world.clock.advance(happening.pause);
      if (happening.pause >= LOOKED_AT_AFTER) await looks.look();
    }
  }
  await Promise.all(underWay);
  await heal(trial);
  await judge(trial);
  return {
    siteHours: (time.monotonic() / HOUR) * plan.sites,
    actions: trial.operators.actions,
    taken: trial.operators.taken,
    faults: trial.counts.faults,
    killedAt: [...trial.counts.killedAt],
    conflicts: (await world.hub.conflicts()).length,
  };
}

async function happen(trial: Trial, { what, machine, site, which }: Happening): Promise<void> {
  const step = STEPS[what];
  const about = { machine: trial.machines[machine], site: trial.sites[site], which };
  if (!step || !about.machine || !about.site) return;
  if (step.isFault) trial.counts.faults += 1;
  try {
    await step.do(trial, { machine: about.machine, site: about.site, which });
  } catch (error) {
    // Whoever it was about has died of it, as was ordered.
    if (!(error instanceof Killed)) throw error;
  }
}
