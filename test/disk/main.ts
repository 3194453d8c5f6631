import { parseArgs } from "node:util";
import { messageOf, requireNode24 } from "@holdfast/runtime";
import { Violation } from "./checks.ts";
import { Explorer, type Visit } from "./explorer.ts";
import { countFirstStart, visitFirstStart } from "./first-start.ts";
import type { ProgramName } from "./fleet.ts";
import {
  type Census,
  FAULTS,
  PHASES,
  type Phase,
  type Place,
  type Point,
  places,
  pointOf,
  seeded,
  wordsOf,
} from "./points.ts";
import { whyNoTrace } from "./strace.ts";

const HELP = `npm run disk-faults [-- [--points N] [--seed S] [--program P] [--phase P] [--fault F] [--point "…"]]

Runs a hub and a site-node as processes under strace, which makes the Nth call by which one of them changes a file of its
home fail: the process is killed before it, or the disk says EIO or ENOSPC, once or from then on. Then it is looked
whether everything that was acknowledged is there, nothing else is, the databases are sound, hub and site agree, and what
was refused was refused with a clear word. Needs strace, and the right to attach it (root, or ptrace_scope 0).

  --points N     places that are tried for each program, phase and fault (10); the first call of each sort, then others by seed
  --seed S       which others (1)
  --program P    hub or site; may be given again
  --phase P      ${PHASES.join(", ")}; may be given again
  --fault F      ${FAULTS.join(", ")}; may be given again
  --point "…"    one point as it is printed, such as "hub work eio once fsync hub.db-wal 3"; may be given again

Prints a line for each point, and at the end how many distinct points of how many known ones were reached. Ends with 1
when one was not survived.`;

/** Of an error that lasts, so many places: it is the same from wherever it begins. */
const LASTING = 4;

class Exploration {
  #explorer: Explorer | undefined;
  readonly failed: string[] = [];
  readonly lines: string[] = [];

  async visit(point: Point): Promise<boolean> {
    const from = performance.now();
    const explorer = await this.#open();
    try {
      const { struck } = await visitBy(explorer, point);
      const took = ((performance.now() - from) / 1000).toFixed(1);
      console.log(`${wordsOf(point)}: ${struck === undefined ? "not reached" : "survived"}, ${took} s`);
      return struck !== undefined;
    } catch (error) {
      this.failed.push(wordsOf(point));
      const told = error instanceof Violation ? error.message : error instanceof Error ? error.stack : messageOf(error);
      console.log(`${wordsOf(point)}: NOT SURVIVED: ${told}\n${logOf(explorer, point.program)}`);
      await this.close();
      return true;
    }
  }

  /** Every fault at places of a phase of a program. */
  async explore(program: ProgramName, phase: Phase, faults: readonly Point["fault"][], given: Given): Promise<void> {
    const counts = await this.#count(program, phase);
    const all = places(counts, seeded(given.seed));
    for (const fault of faults) {
      const tried: Point[] = all
        .slice(0, given.points)
        .map((place) => ({ program, phase, fault, reach: "once", ...place }));
      if (fault !== "kill" && phase === "work")
        tried.push(...lasting(all).map((place) => ({ program, phase, fault, reach: "lasting" as const, ...place })));
      let reached = 0;
      for (const point of tried) if (await this.visit(point)) reached += 1;
      this.lines.push(
        `${program} ${phase} ${fault}: ${reached} distinct points reached, of ${tried.length} tried and ${all.length} known`,
      );
    }
  }

  async close(): Promise<void> {
    const explorer = this.#explorer;
    this.#explorer = undefined;
    await explorer?.close();
  }

  async #open(): Promise<Explorer> {
    this.#explorer ??= await Explorer.open();
    return this.#explorer;
  }

  async #count(program: ProgramName, phase: Phase): Promise<Census> {
    const explorer = await this.#open();
    return phase === "first-start" ? countFirstStart(program, explorer.fleet) : explorer.count(program, phase);
  }
}

function visitBy(explorer: Explorer, point: Point): Promise<Visit> {
  const { phase } = point;
  return phase === "first-start" ? visitFirstStart(point, explorer.fleet) : explorer.visit({ ...point, phase });
}

/**
 * An error that lasts is the whole disk's: of each call the first few times, whatever the file. Or it keeps the log from being taken
 * into the database.
 */
function lasting(all: readonly Place[]): Place[] {
  const calls = [...new Set(all.map(({ call }) => call))].filter((call) =>
    ["pwrite64", "fsync", "write"].includes(call),
  );
  const takenIn = all.filter(({ call, file, at }) => call === "pwrite64" && /^(hub|site)\.db$/.test(file) && at === 1);
  const whole = calls.flatMap((call) =>
    Array.from({ length: LASTING }, (_, index) => ({ call, file: "*", at: 1 + index * 3 })),
  );
  return [...takenIn, ...whole];
}

/** What a program said last that a person should see, and how it ended, if it did. */
function logOf(explorer: Explorer, program: ProgramName): string {
  const { output, end } = explorer.fleet.get(program);
  const lines = output.split("\n").filter((line) => !/"level":[12]0|"msg":"(a chore is|a host is)/.test(line));
  const ended = end ? [`    it has ended: ${JSON.stringify(end)}`] : [];
  return [...lines.slice(-16).map((line) => `    ${line.slice(0, 600)}`), ...ended].join("\n");
}

interface Given {
  readonly points: number;
  readonly seed: number;
}

async function main(): Promise<number> {
  requireNode24();
  const many = { type: "string", multiple: true } as const;
  const options = {
    help: { type: "boolean" },
    points: { type: "string" },
    seed: { type: "string" },
    program: many,
    phase: many,
    fault: many,
    point: many,
  } as const;
  const { values } = parseArgs({ options });
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  const why = whyNoTrace();
  if (why !== undefined) throw new Error(why);
  const given = { points: Number(values.points ?? 10), seed: Number(values.seed ?? 1) };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
    process.once(signal, () => {
      console.error(`disk-faults: ended by ${signal}`);
      process.exit(130);
    });
  const exploration = new Exploration();
  try {
    for (const words of values.point ?? []) await exploration.visit(pointOf(words));
    if (!values.point) {
      for (const program of (["hub", "site"] as const).filter((each) => values.program?.includes(each) ?? true))
        for (const phase of PHASES.filter((each) => values.phase?.includes(each) ?? true))
          await exploration.explore(
            program,
            phase,
            FAULTS.filter((each) => values.fault?.includes(each) ?? true),
            given,
          );
    }
  } finally {
    await exploration.close();
  }
  console.log(
    ["", ...exploration.lines, ...exploration.failed.map((words) => `not survived: --point "${words}"`)].join("\n"),
  );
  return exploration.failed.length === 0 ? 0 : 1;
}

try {
  process.exit(await main());
} catch (error) {
  console.error(`disk-faults: ${messageOf(error)}`);
  process.exit(1);
}
