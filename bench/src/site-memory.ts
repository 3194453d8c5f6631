import { atMost, type Benchmark, figure } from "./benchmark.ts";
import { Fleet } from "./fleet.ts";
import { figuresOf, pause } from "./processes.ts";

const LIMIT = 256;

export const siteMemory: Benchmark = {
  name: "site-memory",
  about: "resident memory and CPU of a site-node with 1,000 agents connected",
  async run(run) {
    const quick = run.size === "quick";
    await using fleet = await Fleet.open(run, quick ? 100 : 1_000);
    await fleet.connectAll(run);
    const seconds = quick ? 10 : 60;
    run.tell(`the agents send heartbeats for ${seconds} s`);
    const before = figuresOf(fleet.site.pid);
    await pause(seconds * 1_000);
    const { residentMib, peakResidentMib, cpuSeconds } = figuresOf(fleet.site.pid);
    const { connected } = (await fleet.status()).hosts;
    const share = ((cpuSeconds - before.cpuSeconds) / seconds) * 100;
    return [
      {
        what: `site-node, ${connected} agents enrolled, reported and beating every 10 s, for ${seconds} s`,
        ours: `${figure(residentMib)} MiB resident, ${figure(peakResidentMib)} at its highest; ${figure(share)} % of a core`,
        peer: `limit ${LIMIT} MB`,
        ratio: residentMib / LIMIT,
        goal: atMost(LIMIT, residentMib, " MB"),
      },
    ];
  },
};
