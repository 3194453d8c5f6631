import { installDisks } from "./disks.ts";
import { forgetKeptState } from "./kept-state.ts";
import { installNetwork, SimulatedNetwork } from "./network.ts";
import { installRandom, type Random, seededRandom } from "./seeded-random.ts";
import { installThreadPool } from "./thread-pool.ts";
import { installTimers } from "./timers.ts";
import { VirtualTime } from "./virtual-time.ts";

/** When every simulation begins, so that what is said of times is the same in each. */
const EPOCH = Date.UTC(2026, 0, 5, 8);

/** What one seed decides. */
export interface Simulation {
  readonly seed: number;
  readonly time: VirtualTime;
  /** For what happens in the world, apart from what programs draw: so a change of theirs does not change the story. */
  readonly random: Random;
  readonly network: SimulatedNetwork;
  /** What programs draw. */
  readonly drawn: Random;
}

let current = begin(0);

/**
 * Begins another simulation in this process, which is simulated as soon as this module is loaded: modules that keep a function
 * of the platform's have to be loaded after it. What the one before had under way never happens.
 */
export function simulate(seed: number): Simulation {
  current.time.stop();
  forgetKeptState();
  current = begin(seed);
  return current;
}

/** The simulation that is going on. */
export function simulation(): Simulation {
  return current;
}

function begin(seed: number): Simulation {
  const time = new VirtualTime(EPOCH);
  const network = new SimulatedNetwork({ time, random: seededRandom(seed ^ 0x5eed) });
  return { seed, time, network, random: seededRandom(seed ^ 0x57017), drawn: seededRandom(seed) };
}

installThreadPool();
installRandom(() => current.drawn());
installTimers(() => current.time);
installNetwork(() => current.network);
installDisks();
