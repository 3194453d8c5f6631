import { hostPath, listPath } from "./api-reads.ts";
import { atMost, type Benchmark, type Row, type Run } from "./benchmark.ts";
import { figuresOf, pause, startWorker, type Worker } from "./processes.ts";
import { startHub } from "./programs.ts";
import { median, percentile } from "./rounds.ts";
import { type SeededHub, seededHub } from "./seed.ts";
import { figure } from "./shown.ts";
import type { Latencies } from "./workers/paced-reads.ts";
import type { AllDrained } from "./workers/returning-sites.ts";

/** Reads go on for so long at most while the sites send, so that the whole ends in three minutes on a slow machine too. */
const READ_FOR = 90;

interface Measured {
  readonly unloaded: Latencies;
  readonly draining: Latencies;
  /** Undefined when they had not sent everything when reading ended. */
  readonly drained: AllDrained | undefined;
  readonly peakMb: number;
}

export const readsWhileDraining: Benchmark = {
  name: "reads-while-draining",
  about: "p99 of API reads while 1,000 sites come back with 30-day backlogs, against a hub that does nothing else",
  async run(run) {
    const quick = run.size === "quick";
    const size = quick ? { sites: 50, hosts: 5_000 } : { sites: 1_000, hosts: 100_000 };
    const seed = await seededHub(run, size);
    const { unloaded, draining, drained, peakMb } = await measured(run, seed, quick ? 6 : 20);
    const more = [
      ...(drained ? told(drained) : [`not all had sent everything after ${READ_FOR} s, when reading ended`]),
      `hub ${figure(peakMb)} MB at its highest`,
    ];
    const row = (sort: keyof Latencies, what: string): Row => {
      const [peer, ours] = [unloaded[sort], draining[sort]];
      const tail = (answers: readonly number[]) => percentile(answers, 0.99);
      return {
        name: `reads-while-draining/${sort}`,
        what: `${what}, p99, while ${size.sites} sites return at once with the backlogs of ${size.hosts} hosts`,
        unit: "ms",
        value: tail(ours),
        more: [`p50 ${figure(median(ours))} ms of ${ours.length} reads`, ...more].join(", "),
        peer: "the same hub with all sites away",
        peerValue: tail(peer),
        peerMore: `p50 ${figure(median(peer))} ms of ${peer.length}`,
        ratio: tail(ours) / tail(peer),
        goal: atMost(2),
      };
    };
    return [row("host", "GET host by id"), row("list", "list of 100 hosts by site")];
  },
};

function told({ seconds, siteSeconds, sentAway, entries, poison }: AllDrained): string[] {
  return [
    `drained in ${figure(seconds)} s`,
    `a site in ${figure(median(siteSeconds))} s (median)`,
    `told to come later ${figure(sentAway)} times`,
    `all ${entries} entries there once, the ${poison} poisoned ones set aside`,
  ];
}

async function measured(run: Run, seed: SeededHub, unloadedSeconds: number): Promise<Measured> {
  await using hub = await startHub(seed.home);
  await using sites = await startWorker("returning-sites", { hubUrl: hub.url, sites: seed.sites });
  const { operatorToken, hosts, sites: all } = seed;
  const found = await measuredOf(
    run,
    { hub, sites, unloadedSeconds },
    {
      url: hub.url,
      headers: { authorization: `Bearer ${operatorToken}` },
      hosts: hosts.slice(0, 10_000).map(hostPath),
      lists: all.map(({ id }) => listPath(`site.resourceId="${id}"`)),
    },
  );
  await hub[Symbol.asyncDispose]();
  if (!found.drained) return found;
  const differences = await sites.ask<string[]>("differences", { home: seed.home, tenant: seed.tenant });
  if (differences.length > 0) {
    throw new Error(`${differences.length} things differ at the hub:\n${differences.slice(0, 20).join("\n")}`);
  }
  return found;
}

interface Under {
  readonly hub: { readonly pid: number };
  readonly sites: Worker;
  readonly unloadedSeconds: number;
}

async function measuredOf(run: Run, { hub, sites, unloadedSeconds }: Under, reading: unknown): Promise<Measured> {
  await using reads = await startWorker("paced-reads", reading);
  run.tell("the sites fetch their slices");
  await sites.ask("connect");
  await sites.ask("leave");
  await latencies(reads, () => pause(2_000));
  const unloaded = await latencies(reads, () => pause(unloadedSeconds * 1_000));
  run.tell("all sites come back");
  let drained: AllDrained | undefined;
  const returning = sites.ask<AllDrained>("return").then((all) => {
    drained = all;
  });
  returning.catch(() => undefined);
  const draining = await latencies(reads, () => Promise.race([returning, pause(READ_FOR * 1_000)]));
  if (drained) run.tell(`drained in ${figure(drained.seconds)} s`);
  return { unloaded, draining, drained, peakMb: figuresOf(hub.pid).peakResidentMb };
}

async function latencies(reads: Worker, meanwhile: () => Promise<unknown>): Promise<Latencies> {
  await reads.ask("begin");
  await meanwhile();
  return reads.ask<Latencies>("end");
}
