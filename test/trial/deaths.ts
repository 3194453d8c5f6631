import { createHash } from "node:crypto";
import type { KillPoint, OrderedDeath, Program } from "../simulation/program.ts";
import type { Random } from "../simulation/seeded-random.ts";
import { simulation } from "../simulation/simulation.ts";
import type { WorldHub } from "../world/hub.ts";
import type { Machine } from "../world/machine.ts";

/** What can be killed and started again. */
export type Mortal = Pick<WorldHub, "program" | "isRunning" | "start" | "kill">;

/** When a death comes. */
export type Order = Pick<OrderedDeath, "points" | "at" | "isChosen">;

const POINTS: readonly KillPoint[] = ["before commit", "after commit", "before send", "after send"];
const ANYWHERE: readonly KillPoint[] = [...POINTS, "before file", "after file"];

/** At one of the next twelve points of a kind: what happens often is met often. `which` chooses. */
export function soon(which: number): Order {
  return { points: 1 + (Math.floor(which / 7) % 12), at: [POINTS[which % POINTS.length] ?? "before commit"] };
}

/** After so many points any place will do: agents do less than the others. */
const PATIENCE = 300;
const PATIENCE_WITH_AGENTS = 40;
/** Of those that come up again so many die before they are up. */
const DIES_AGAIN = 0.3;
/** So many points a program passes while it starts, and an agent. */
const POINTS_OF_A_START = 40;
const POINTS_OF_A_BOOT = 8;

/** Somebody may have been quicker: a machine has one agent. */
export function bootUnlessOn(machine: Machine): void {
  if (!machine.isOn) void machine.boot().catch(() => undefined);
}

/** The death of hub, site-nodes and agents at points between what they do, and how they come up again a while later. */
export class Deaths {
  readonly #onKilled: (where: string) => void;
  readonly #random: Random = simulation().random;
  /** Chooses the places that this history prefers. */
  readonly #salt = String(this.#random());
  readonly #diedAt = new Set<string>();
  readonly #comingUp = new Map<Mortal, Promise<void>>();

  /** `onKilled` is told of each death where it was, in words that are the same for every site and machine. */
  constructor(onKilled: (where: string) => void) {
    this.#onKilled = onKilled;
  }

  order(of: Mortal, order: Order = this.#somewhere(PATIENCE)): void {
    if (of.isRunning) this.#order(of.program, order, { died: () => of.kill(), comesUp: () => this.#comesUp(of) });
  }

  /** The same for the agent of a machine. */
  orderOfAgent(machine: Machine, order: Order = this.#somewhere(PATIENCE_WITH_AGENTS)): void {
    if (!machine.isOn) return;
    const comesUp = () => {
      if (machine.isOn) return;
      bootUnlessOn(machine);
      if (this.#random() < DIES_AGAIN) this.orderOfAgent(machine, this.#within(POINTS_OF_A_BOOT));
    };
    this.#order(machine.program, order, { died: () => machine.crash(), comesUp });
  }

  /** Has it run, and calls off the death that was ordered. Throws when it does not start. */
  async up(of: Mortal): Promise<void> {
    await this.#comingUp.get(of);
    of.program.spare();
    if (!of.isRunning) await this.#start(of);
  }

  /**
   * At a place where nobody has died in this history, of those first that the seed prefers: over many histories what is seldom done
   * is interrupted as often as what is always done.
   */
  #somewhere(patience: number): Order {
    let passed = 0;
    const isChosen = (where: string) => {
      passed += 1;
      const [byte = 0] = createHash("sha256")
        .update(this.#salt + where)
        .digest();
      return byte / 256 < passed / patience && !this.#diedAt.has(where);
    };
    return { points: 2 * patience, at: ANYWHERE, isChosen };
  }

  /** At one of the next points, each as likely as the others. */
  #within(points: number): Order {
    return { points: 1 + Math.floor(this.#random() * points), at: ANYWHERE };
  }

  #order(program: Program, order: Order, { died, comesUp }: { died: () => void; comesUp: () => void }): void {
    // One is enough: a later order would put it off.
    if (program.isDoomed) return;
    program.killAfter({
      ...order,
      onKilled: (where) => {
        this.#diedAt.add(where);
        this.#onKilled(`${program.name.split(" ")[0]}: ${where}`);
        died();
        simulation().time.after(500 + 60_000 * this.#random() ** 3, comesUp);
      },
    });
  }

  #comesUp(of: Mortal): void {
    // Somebody may have been quicker.
    if (of.isRunning || this.#comingUp.has(of)) return;
    const coming = this.#start(of);
    if (this.#random() < DIES_AGAIN) {
      // It is started again as whoever is killed at work.
      const comesUp = () => this.#comesUp(of);
      this.#order(of.program, this.#within(POINTS_OF_A_START), { died: () => of.kill(), comesUp });
    }
    coming.catch(() => {
      // A disk is full, or it was killed.
      if (!of.isRunning) simulation().time.after(1_000, () => this.#comesUp(of));
    });
  }

  #start(of: Mortal): Promise<void> {
    const coming = of.start().finally(() => this.#comingUp.delete(of));
    this.#comingUp.set(
      of,
      coming.catch(() => undefined),
    );
    return coming;
  }
}
