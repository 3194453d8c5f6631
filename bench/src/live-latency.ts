import { writeFileSync } from "node:fs";
import { Agent, get } from "node:http";
import { siteScope, tenantScope } from "@holdfast/protocol/feed";
import { atMost, type Benchmark, type Run } from "./benchmark.ts";
import { pause, startWorker, type Worker } from "./processes.ts";
import { alternate, median, percentile, ratioOf } from "./rounds.ts";
import { type SeededHub, seededHub } from "./seed.ts";
import { figure } from "./shown.ts";

/** Between two samples: what one sets off at the site and back at the hub is over by then. */
const APART = 25;

export const liveLatency: Benchmark = {
  name: "live-latency",
  about: "hub commit to replica commit: against a loopback round trip, and with 1,000 other sites waiting",
  async run(run) {
    const quick = run.size === "quick";
    const seed = quick ? { sites: 100, hosts: 10_000 } : { sites: 1_000, hosts: 100_000 };
    const [samples, rounds] = quick ? [60, 2] : [300, 5];
    await using quiet = await Pair.open(run, await seededHub(run, seed));
    await using crowded = await Pair.open(run, await seededHub(run, seed));
    await using loopback = await startWorker("loopback", {});
    await using raw = await startWorker("raw-sqlite", { hubDatabase: "" });
    const port = await loopback.ask<number>("port");
    const direct = await alternate(rounds, {
      peer: () => roundTrips(port, samples),
      ours: () => quiet.latencies(samples),
    });
    const path = `${run.folder("raw")}/commits.db`;
    const commits = await raw.ask<number[]>("commits", { path, count: samples });
    run.tell(`${seed.sites - 1} other sites begin to wait`);
    await using others = await crowded.crowd();
    const loaded = await alternate(rounds, {
      peer: () => quiet.latencies(samples),
      ours: () => crowded.latencies(samples),
    });
    const waiting = await others.ask<number>("open");
    return [
      {
        name: "live-latency",
        what: `hub commit → replica commit, live, p99; ${rounds} × ${samples} commits, one at a time`,
        unit: "ms",
        value: middleOf(direct.ours, 0.99),
        more: `p50 ${figure(middleOf(direct.ours, 0.5))} ms`,
        peer: "loopback HTTP round trip",
        peerValue: middleOf(direct.peer, 0.99),
        peerMore: `p50 ${figure(middleOf(direct.peer, 0.5))} ms; a durable SQLite commit here: p50 ${figure(percentile(commits, 0.5))} ms, p99 ${figure(percentile(commits, 0.99))} ms`,
        ratio: ratioOf(direct, tailOf),
        goal: atMost(3),
      },
      {
        name: "live-latency/1000-sites",
        what: `the same with ${waiting} streams of ${seed.sites - 1} other sites waiting`,
        unit: "ms",
        value: middleOf(loaded.ours, 0.99),
        more: `p50 ${figure(middleOf(loaded.ours, 0.5))} ms`,
        peer: "one site",
        peerValue: middleOf(loaded.peer, 0.99),
        peerMore: `p50 ${figure(middleOf(loaded.peer, 0.5))} ms`,
        ratio: ratioOf(loaded, tailOf),
        goal: atMost(1.2),
      },
    ];
  },
};

/** A hub and one site that follows it. */
class Pair implements AsyncDisposable {
  readonly #seed: SeededHub;
  readonly #hub: Worker;
  readonly #site: Worker;
  #edits = 0;

  private constructor(seed: SeededHub, hub: Worker, site: Worker) {
    this.#seed = seed;
    this.#hub = hub;
    this.#site = site;
  }

  static async open(run: Run, seed: SeededHub): Promise<Pair> {
    const [site] = seed.sites;
    if (!site) throw new Error("the hub has no site");
    const hub = await startWorker("hub", { home: seed.home });
    const home = run.folder("site");
    writeFileSync(`${home}/token`, site.token, { mode: 0o600 });
    const follower = await startWorker("site", { home, hubUrl: await hub.ask<string>("url"), siteId: site.id });
    await follower.ask("replicated", seed.hosts.length / seed.sites.length);
    return new Pair(seed, hub, follower);
  }

  /** All the other sites, waiting. */
  async crowd(): Promise<Worker> {
    const hubUrl = await this.#hub.ask<string>("url");
    const waiters = this.#seed.sites
      .slice(1)
      .flatMap(({ id, token }) =>
        [siteScope(id), tenantScope(this.#seed.tenant)].map((scope) => ({ hubUrl, token, scope })),
      );
    return startWorker("waiters", { waiters });
  }

  /** Milliseconds from one commit to the other, for so many edits of the site's hosts. */
  async latencies(samples: number): Promise<readonly number[]> {
    const { tenant, hosts, sites } = this.#seed;
    const own = hosts.slice(0, hosts.length / sites.length);
    await this.#site.ask("forget");
    const found: number[] = [];
    for (let sample = 0; sample < samples; sample += 1) {
      this.#edits += 1;
      const edit = { tenant, id: own[this.#edits % own.length], name: `renamed ${this.#edits}` };
      const committed = await this.#hub.ask<number>("edit", edit);
      found.push((await this.#site.ask<number>("firstAfter", committed)) - committed);
      await pause(APART);
    }
    return found;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#site[Symbol.asyncDispose]();
    await this.#hub[Symbol.asyncDispose]();
  }
}

async function roundTrips(port: number, samples: number): Promise<readonly number[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const found: number[] = [];
  for (let sample = 0; sample < samples; sample += 1) {
    const began = performance.now();
    await new Promise<void>((resolve, reject) => {
      get({ port, host: "127.0.0.1", agent }, (response) => response.resume().once("end", resolve)).once(
        "error",
        reject,
      );
    });
    found.push(performance.now() - began);
    await pause(APART);
  }
  agent.destroy();
  return found;
}

function tailOf(round: readonly number[]): number {
  return percentile(round, 0.99);
}

function middleOf(rounds: readonly (readonly number[])[], share: number): number {
  return median(rounds.map((round) => percentile(round, share)));
}
