import { hostPath, listPath } from "./api-reads.ts";
import { atMost, type Benchmark, type Row, type Run } from "./benchmark.ts";
import { figuresOf, pause, startWorker, type Worker } from "./processes.ts";
import { startHub } from "./programs.ts";
import { median, percentile, ratioOf } from "./rounds.ts";
import { type SeededHub, seededHub } from "./seed.ts";
import { figure } from "./shown.ts";
import type { Latencies } from "./workers/paced-reads.ts";
import type { AllDrained } from "./workers/returning-sites.ts";

interface Round {
  readonly unloaded: Latencies;
  readonly draining: Latencies;
  readonly drained: AllDrained;
  readonly peakMb: number;
}

export const readsWhileDraining: Benchmark = {
  name: "reads-while-draining",
  about: "p99 of API reads while 1,000 sites come back with 30-day backlogs, against a hub that does nothing else",
  async run(run) {
    const quick = run.size === "quick";
    const size = quick ? { sites: 50, hosts: 5_000 } : { sites: 1_000, hosts: 100_000 };
    const seed = await seededHub(run, size);
    const rounds = await measured(run, seed, quick ? { count: 1, seconds: 6 } : { count: 3, seconds: 30 });
    const middle = (value: (round: Round) => number) => median(rounds.map(value));
    const { entries, poison } = rounds[0]?.drained ?? { entries: 0, poison: 0 };
    const more = [
      `drained in ${figure(middle(({ drained }) => drained.seconds))} s`,
      `a site in ${figure(middle(({ drained }) => median(drained.siteSeconds)))} s (median)`,
      `told to come later ${figure(middle(({ drained }) => drained.sentAway))} times`,
      `hub ${figure(Math.max(...rounds.map(({ peakMb }) => peakMb)))} MB at its highest`,
      `all ${entries} entries of each round there once, the ${poison} poisoned ones set aside`,
    ];
    const row = (sort: keyof Latencies, what: string): Row => {
      const [peer, ours] = [rounds.map(({ unloaded }) => unloaded[sort]), rounds.map(({ draining }) => draining[sort])];
      const tail = (answers: readonly number[]) => percentile(answers, 0.99);
      return {
        name: `reads-while-draining/${sort}`,
        what: `${what}, p99, while ${size.sites} sites return at once with the backlogs of ${size.hosts} hosts`,
        unit: "ms",
        value: median(ours.map(tail)),
        more: [`p50 ${figure(median(ours.map(median)))} ms`, ...more].join(", "),
        peer: "the same hub with all sites away",
        peerValue: median(peer.map(tail)),
        peerMore: `p50 ${figure(median(peer.map(median)))} ms`,
        ratio: ratioOf({ peer, ours }, tail),
        goal: atMost(2),
      };
    };
    return [row("host", "GET host by id"), row("list", "list of 100 hosts by site")];
  },
};

async function measured(
  run: Run,
  seed: SeededHub,
  { count, seconds }: { count: number; seconds: number },
): Promise<Round[]> {
  const rounds: Round[] = [];
  const hub = await startHub(seed.home);
  await using sites = await startWorker("returning-sites", { hubUrl: hub.url, sites: seed.sites });
  try {
    const { operatorToken, hosts, sites: all } = seed;
    await using reads = await startWorker("paced-reads", {
      url: hub.url,
      headers: { authorization: `Bearer ${operatorToken}` },
      hosts: hosts.slice(0, 10_000).map(hostPath),
      lists: all.map(({ id }) => listPath(`site.resourceId="${id}"`)),
    });
    run.tell(`${all.length} sites fetch their slices`);
    await sites.ask("connect");
    while (rounds.length < count) {
      await sites.ask("leave");
      await pause(2_000);
      const unloaded = await latencies(reads, () => pause(seconds * 1_000));
      run.tell("all sites come back");
      let drained: AllDrained | undefined;
      const draining = await latencies(reads, async () => {
        drained = await sites.ask<AllDrained>("return");
      });
      if (!drained) throw new Error("the sites did not say how they fared");
      run.tell(`drained in ${figure(drained.seconds)} s`);
      rounds.push({ unloaded, draining, drained, peakMb: figuresOf(hub.pid).peakResidentMb });
    }
  } finally {
    await hub[Symbol.asyncDispose]();
  }
  const differences = await sites.ask<string[]>("differences", { home: seed.home, tenant: seed.tenant });
  if (differences.length > 0) {
    throw new Error(`${differences.length} things differ at the hub:\n${differences.slice(0, 20).join("\n")}`);
  }
  return rounds;
}

async function latencies(reads: Worker, meanwhile: () => Promise<void>): Promise<Latencies> {
  await reads.ask("begin");
  await meanwhile();
  return reads.ask<Latencies>("end");
}
