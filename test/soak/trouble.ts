import { systemClock } from "@holdfast/runtime";
import type { Fleet } from "./fleet.ts";
import type { Cable, Failure } from "./network.ts";
import type { Program } from "./program.ts";
import type { Random } from "./random.ts";
import type { Timeline } from "./timeline.ts";

export interface TroubleOptions {
  readonly fleet: Fleet;
  readonly random: Random;
  readonly timeline: Timeline;
  /** Nothing is waited for any more. */
  readonly quit: AbortSignal;
}

const WEIGHTS = { kill: 8, restart: 2, freeze: 1, refusing: 2, silent: 3 };
/** Between two troubles, and how long a program, a frozen one and a link are away, milliseconds. */
const PAUSE = [300, 4_000] as const;
const DOWN = [100, 5_000] as const;
const FROZEN = [500, 8_000] as const;
const CUT = [500, 15_000] as const;
/** Now and then a link is away for longer than whoever waits for an answer waits. */
const [LONG, LONG_SHARE] = [[15_000, 60_000] as const, 0.1];

/** Does programs and links harm, one after the other and several at a time. */
export class Trouble {
  readonly #options: TroubleOptions;
  readonly #failing = new Set<Cable>();
  readonly #under = new Set<Promise<void>>();

  constructor(options: TroubleOptions) {
    this.#options = options;
  }

  /** Until the signal; then everything is whole again, and every program that nobody switched off runs. */
  async make(signal: AbortSignal): Promise<void> {
    const { random, fleet } = this.#options;
    while (!signal.aborted) {
      await systemClock.sleep(within(random, PAUSE), signal).catch(() => undefined);
      if (signal.aborted) break;
      const doing = this.#trouble(random.weighted(WEIGHTS), signal).finally(() => this.#under.delete(doing));
      this.#under.add(doing);
    }
    await Promise.all(this.#under);
    for (const cable of fleet.cables) await cable.mend();
  }

  #trouble(what: keyof typeof WEIGHTS, signal: AbortSignal): Promise<void> {
    const { random, fleet } = this.#options;
    if (what === "refusing" || what === "silent") {
      const cable = random.pick(fleet.cables.filter((each) => !this.#failing.has(each)));
      return cable ? this.#cut(cable, what, signal) : Promise.resolve();
    }
    // The hub, a site, an agent: each sort as often, however many there are of it.
    const sorts = [[fleet.hub], fleet.sites.map(({ program }) => program), fleet.machines.map(({ agent }) => agent)];
    const program = random.pick((random.pick(sorts) ?? []).filter(({ pid, isBusy }) => pid !== undefined && !isBusy));
    return program ? program.alone(() => this.#harm(program, what, signal)) : Promise.resolve();
  }

  async #harm(program: Program, how: "kill" | "restart" | "freeze", signal: AbortSignal): Promise<void> {
    const { random, timeline, quit } = this.#options;
    const away = within(random, how === "freeze" ? FROZEN : DOWN);
    if (program.pid === undefined) return;
    timeline.count(how, program.name, { pid: program.pid, away: Math.round(away) });
    if (how === "freeze") {
      program.freeze();
      await systemClock.sleep(away, signal).catch(() => undefined);
      return program.thaw();
    }
    await (how === "kill" ? program.kill() : program.stop());
    await systemClock.sleep(away, signal).catch(() => undefined);
    await program.start(quit);
  }

  async #cut(cable: Cable, how: Failure, signal: AbortSignal): Promise<void> {
    const { random, timeline } = this.#options;
    const away = within(random, random.chance(LONG_SHARE) ? LONG : CUT);
    this.#failing.add(cable);
    timeline.count(how, cable.name, { away: Math.round(away) });
    await cable.fail(how);
    await systemClock.sleep(away, signal).catch(() => undefined);
    await cable.mend();
    timeline.note("mended", cable.name);
    this.#failing.delete(cable);
  }
}

function within(random: Random, [least, most]: readonly [number, number]): number {
  return random.between(least, most);
}
