import { existsSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type Benchmark, type Run, underLimit } from "./benchmark.ts";
import { Fleet } from "./fleet.ts";
import { figuresOf, pause, type Running, startExecutable, startProgram, until } from "./processes.ts";
import { median } from "./rounds.ts";
import { figure } from "./shown.ts";

/** Often enough that a reading of the hardware shows in the difference. */
const OFTEN = 10;
/** What `--rescan-seconds` is by itself. */
const RESCANS_AN_HOUR = 3_600 / 300;
const BUILT = fileURLToPath(
  new URL(`../../dist/agent/holdfast-agent-linux-${process.arch === "arm64" ? "arm64" : "x64"}`, import.meta.url),
);

export const agentCost: Benchmark = {
  name: "agent-cost",
  about: "memory of an agent, and its CPU in an hour",
  async run(run) {
    const [count, seconds] = run.size === "quick" ? [1, 20] : [3, 60];
    await using fleet = await Fleet.open(run, 2);
    await using shipped = await startAgent(run, fleet, []);
    await using eager = await startAgent(run, fleet, ["--rescan-seconds", String(OFTEN)]);
    await until("both agents are connected", async () => (await fleet.status()).hosts.connected === 2 || undefined);
    await pause(10_000);
    run.tell(`two agents run for ${count * seconds} s`);
    const rounds: Round[] = [];
    while (rounds.length < count) rounds.push(await observed({ shipped, eager, seconds }));
    const middle = (value: (round: Round) => number) => median(rounds.map(value));
    const built = existsSync(BUILT) ? "as built" : "from its sources";
    return [
      underLimit({
        name: "agent-cost/memory",
        what: `agent ${built}, connected, settings as shipped: memory within ${count * seconds} s`,
        unit: "MB",
        value: middle(({ residentMb }) => residentMb),
        more: `${figure(middle(({ peakResidentMb }) => peakResidentMb))} MB at its highest`,
        limit: 96,
      }),
      underLimit({
        name: "agent-cost/cpu",
        what: `agent ${built}: CPU of an hour, extrapolated from ${count} × ${seconds} s`,
        unit: "s",
        value: middle(({ anHour }) => anHour),
        more: `of it ${figure(middle(({ rescans }) => rescans))} s for ${RESCANS_AN_HOUR} readings of the hardware`,
        limit: 2,
      }),
    ];
  },
};

interface Round {
  readonly residentMb: number;
  readonly peakResidentMb: number;
  /** CPU-seconds of an hour, and how many of them are readings of the hardware. */
  readonly anHour: number;
  readonly rescans: number;
}

/** The agent as shipped for a while; what a reading of the hardware takes is seen from one that reads all the time. */
async function observed({
  shipped,
  eager,
  seconds,
}: {
  readonly shipped: Running;
  readonly eager: Running;
  readonly seconds: number;
}): Promise<Round> {
  const [plain, scanning] = [figuresOf(shipped.pid), figuresOf(eager.pid)];
  await pause(seconds * 1_000);
  const { cpuSeconds, residentMb, peakResidentMb } = figuresOf(shipped.pid);
  const idle = cpuSeconds - plain.cpuSeconds;
  const busy = figuresOf(eager.pid).cpuSeconds - scanning.cpuSeconds;
  const rescans = (Math.max(0, busy - idle) / (seconds / OFTEN)) * RESCANS_AN_HOUR;
  return { residentMb, peakResidentMb, anHour: idle * (3_600 / seconds) + rescans, rescans };
}

/** The agent of this machine: the executable where one was built, for that is what is shipped. */
async function startAgent(run: Run, fleet: Fleet, settings: readonly string[]): Promise<Running> {
  const folder = run.folder("agent");
  writeFileSync(`${folder}/token`, await fleet.enrolmentToken(fleet.seed.hosts[Number(settings.length > 0)]));
  const given = [
    ...["run", "--site-url", fleet.site.url, "--state-dir", `${folder}/state`, "--log-level", "warn"],
    ...["--enrol-token-file", `${folder}/token`, ...settings],
  ];
  const built = existsSync(BUILT) ? await startExecutable(BUILT, given) : undefined;
  return built ?? startProgram("agent", given, `${folder}/log`);
}
