import { type Benchmark, type Run, underLimit } from "./benchmark.ts";
import { Fleet } from "./fleet.ts";
import { type Figures, figuresOf, pause } from "./processes.ts";
import { median } from "./rounds.ts";
import { figure } from "./shown.ts";

export const siteMemory: Benchmark = {
  name: "site-memory",
  about: "resident memory and CPU of a site-node with 1,000 agents connected",
  async run(run) {
    const quick = run.size === "quick";
    const [agents, seconds] = quick ? [100, 10] : [1_000, 60];
    const rounds: Beating[] = [];
    while (rounds.length < (quick ? 1 : 3)) rounds.push(await beating(run, { agents, seconds }));
    const middle = (value: (round: Beating) => number) => median(rounds.map(value));
    return [
      underLimit({
        name: "site-memory",
        what: `site-node, ${agents} agents enrolled, reported and beating every 10 s, for ${seconds} s`,
        unit: "MB",
        value: middle(({ residentMb }) => residentMb),
        more: `${figure(middle(({ peakResidentMb }) => peakResidentMb))} MB at its highest, ${figure(middle(({ share }) => share))} % of a core`,
        limit: 256,
      }),
    ];
  },
};

interface Beating extends Figures {
  /** Of a core, in percent, while nothing but heartbeats came. */
  readonly share: number;
}

/** A new site-node after all its agents have enrolled, reported and beaten for a while. */
async function beating(run: Run, { agents, seconds }: { agents: number; seconds: number }): Promise<Beating> {
  await using fleet = await Fleet.open(run, agents);
  await fleet.connectAll(run);
  run.tell(`the agents send heartbeats for ${seconds} s`);
  const before = figuresOf(fleet.site.pid).cpuSeconds;
  await pause(seconds * 1_000);
  const after = figuresOf(fleet.site.pid);
  const { connected } = (await fleet.status()).hosts;
  if (connected !== agents) throw new Error(`${connected} of ${agents} agents are connected at the end`);
  return { ...after, share: ((after.cpuSeconds - before) / seconds) * 100 };
}
