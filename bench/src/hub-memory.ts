import { siteScope, tenantScope } from "@holdfast/protocol/feed";
import { type Benchmark, type Run, underLimit } from "./benchmark.ts";
import { type Figures, figuresOf, pause, startWorker } from "./processes.ts";
import { startHub } from "./programs.ts";
import { median } from "./rounds.ts";
import { type SeededHub, seededHub } from "./seed.ts";
import { figure } from "./shown.ts";

export const hubMemory: Benchmark = {
  name: "hub-memory",
  about: "resident memory of a hub with 100,000 hosts whose 1,000 sites wait",
  async run(run) {
    const quick = run.size === "quick";
    const size = quick ? { sites: 100, hosts: 10_000 } : { sites: 1_000, hosts: 100_000 };
    const seed = await seededHub(run, size);
    const rounds: Crowded[] = [];
    while (rounds.length < (quick ? 1 : 3)) rounds.push(await crowded(run, seed));
    const middle = (value: (round: Crowded) => number) => median(rounds.map(value));
    return [
      underLimit({
        name: "hub-memory",
        what: `hub, ${seed.hosts.length} hosts, ${middle(({ open }) => open)} streams of ${size.sites} sites after their initial sync`,
        unit: "MB",
        value: middle(({ residentMb }) => residentMb),
        more: `${figure(middle(({ peakResidentMb }) => peakResidentMb))} MB at its highest`,
        limit: 512,
      }),
    ];
  },
};

interface Crowded extends Figures {
  readonly open: number;
}

/** A hub just started, after all its sites have fetched their slices. */
async function crowded(run: Run, { home, sites, tenant }: SeededHub): Promise<Crowded> {
  await using hub = await startHub(home);
  const waiters = sites.flatMap(({ id, token }) =>
    [siteScope(id), tenantScope(tenant)].map((scope) => ({ hubUrl: hub.url, token, scope })),
  );
  run.tell(`${sites.length} sites fetch their slices and wait`);
  await using others = await startWorker("waiters", { waiters });
  await pause(run.size === "quick" ? 1_000 : 10_000);
  return { ...figuresOf(hub.pid), open: await others.ask<number>("open") };
}
