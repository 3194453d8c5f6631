import { siteScope, tenantScope } from "@holdfast/protocol/feed";
import { atMost, type Benchmark, figure } from "./benchmark.ts";
import { figuresOf, pause, startWorker } from "./processes.ts";
import { startHub } from "./programs.ts";
import { seededHub } from "./seed.ts";

const LIMIT = 512;

export const hubMemory: Benchmark = {
  name: "hub-memory",
  about: "resident memory of a hub with 100,000 hosts whose 1,000 sites wait",
  async run(run) {
    const quick = run.size === "quick";
    const size = quick ? { sites: 100, hosts: 10_000 } : { sites: 1_000, hosts: 100_000 };
    const seed = await seededHub(run, size);
    await using hub = await startHub(seed.home);
    const waiters = seed.sites.flatMap(({ id, token }) =>
      [siteScope(id), tenantScope(seed.tenant)].map((scope) => ({ hubUrl: hub.url, token, scope })),
    );
    run.tell(`${size.sites} sites fetch their slices and wait`);
    await using others = await startWorker("waiters", { waiters });
    await pause(quick ? 1_000 : 10_000);
    const open = await others.ask<number>("open");
    const { residentMib, peakResidentMib } = figuresOf(hub.pid);
    const goal = atMost(LIMIT, residentMib, " MB");
    return [
      {
        what: `hub, ${seed.hosts.length} hosts, ${open} streams of ${size.sites} sites after their initial sync`,
        ours: `${figure(residentMib)} MiB resident, ${figure(peakResidentMib)} at its highest`,
        peer: `limit ${LIMIT} MB`,
        ratio: residentMib / LIMIT,
        goal,
      },
    ];
  },
};
