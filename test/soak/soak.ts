import { minutes, seconds, systemClock } from "@holdfast/runtime";
import { Fleet } from "./fleet.ts";
import { judgePrograms, judgeWhole } from "./judge.ts";
import { Ledger } from "./ledger.ts";
import type { Network } from "./network.ts";
import { Operator } from "./operators.ts";
import type { SoakConfig } from "./options.ts";
import { seededRandom } from "./random.ts";
import { Resident } from "./resident.ts";
import { summaryOf } from "./summary.ts";
import { Timeline } from "./timeline.ts";
import { Trouble } from "./trouble.ts";

export interface SoakOptions {
  readonly config: Omit<SoakConfig, "seed"> & { readonly seed: number };
  /** Everything that the programs store and print goes there. */
  readonly folder: string;
  readonly network: Network;
  readonly say: (line: string) => void;
  /** Ends the soak before its time; what was started is ended all the same. */
  readonly signal: AbortSignal;
}

/** How long there is trouble before everything must agree again. */
const ROUND = minutes(3);
/** What all operators of one party may register: a site that is cut off has 64 ids. */
const REGISTRATIONS = 25;
const LATE = [seconds(1), seconds(6)] as const;

/** Runs programs, traffic and trouble; answers what was wrong, and what there is to tell of it. */
export async function soak(options: SoakOptions): Promise<{ complaints: readonly string[]; summary: string }> {
  const { config, folder, network, say, signal } = options;
  const timeline = new Timeline(`${folder}/timeline.jsonl`);
  const ledger = new Ledger(`${folder}/ledger.jsonl`);
  const fleet = await Fleet.open({ ...config, folder, network, timeline }, signal);
  const resident = new Resident(fleet.programs);
  const over = new AbortController();
  const recoveries: number[] = [];
  const complaints: string[] = [];
  const attendance = { isSomebodyThere: true };
  const serials: string[] = [];
  const operators = fleet.parties.map((party, number) => {
    const siteId = fleet.sites.find((site) => site.party === party)?.id;
    const random = seededRandom(config.seed, `operator at ${party.name}`);
    const sites = fleet.sites.map(({ id }) => id);
    return new Operator({ party, siteId, sites, number, random, ledger, serials, registrations: REGISTRATIONS });
  });
  const lives = [
    resident.watch(over.signal),
    ...fleet.machines.map((machine) => machine.live(over.signal, () => attendance.isSomebodyThere)),
  ];

  async function work(howLong: number): Promise<void> {
    const working = AbortSignal.any([signal, AbortSignal.timeout(howLong)]);
    const random = seededRandom(config.seed, `trouble from ${timeline.total("round")}`);
    const trouble = new Trouble({ fleet, random, timeline, quit: signal });
    timeline.count("round", "of trouble", { howLong });
    attendance.isSomebodyThere = true;
    await Promise.all([
      trouble.make(working),
      ...operators.map((operator) => operator.work(working)),
      ...fleet.machines.map((machine) => arrive(machine)),
      ...fleet.machines.map((machine) => machine.change(working)),
    ]);
    attendance.isSomebodyThere = false;
  }

  /** The last machine of each site is switched on, and admitted, when there is trouble already. */
  async function arrive({ name, agent }: Fleet["machines"][number]): Promise<void> {
    if (agent.hasRun) return;
    const isLate = fleet.sites.some(({ machines }) => machines.length > 1 && machines.at(-1)?.name === name);
    const pause = isLate ? seededRandom(config.seed, `arrival of ${name}`).between(...LATE) : 0;
    await systemClock.sleep(pause, signal).catch(() => undefined);
    if (!signal.aborted) await agent.alone(() => agent.start(signal));
  }

  async function settle(): Promise<void> {
    // What ended of itself is complained about, and started again as a service manager does.
    const off = new Set(fleet.machines.filter(({ isOff }) => isOff).map(({ agent }) => agent));
    const ended = fleet.programs.filter((each) => each.hasRun && each.pid === undefined && !off.has(each));
    for (const program of ended) await program.alone(() => program.start(signal));
    const began = systemClock.monotonic();
    const found = await judgeWhole({ fleet, ledger, timeline }, signal);
    recoveries.push(systemClock.monotonic() - began);
    for (const what of found) timeline.note("complaint", "whole", { what });
    complaints.push(...found, ...judgePrograms(fleet));
  }

  try {
    for (let left = minutes(config.minutes); left > 0 && complaints.length === 0 && !signal.aborted; left -= ROUND) {
      await work(Math.min(left, ROUND));
      if (signal.aborted) break;
      await settle();
      const took = ((recoveries.at(-1) ?? 0) / 1_000).toFixed(1);
      const how = complaints.length === 0 ? "all agreed" : "something is wrong";
      say(`${ledger.size} things wanted, ${timeline.total("kill")} kills: ${how} after ${took} s`);
    }
  } finally {
    over.abort(new Error("over"));
    await Promise.all(lives);
    // What others need is ended last, and each has something to say goodbye to.
    for (const cable of fleet.cables) await cable.mend();
    for (const sort of [
      fleet.machines.map(({ agent }) => agent),
      fleet.sites.map(({ program }) => program),
      [fleet.hub],
    ]) {
      await Promise.all(sort.map((program) => (signal.aborted ? program.kill() : program.alone(() => program.stop()))));
    }
    await network.close();
  }
  if (!signal.aborted) complaints.push(...judgePrograms(fleet));
  const summary = summaryOf({ timeline, ledger, recoveries, resident });
  return { complaints: [...new Set(complaints)], summary };
}
