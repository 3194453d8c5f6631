import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type Benchmark, type Run, underLimit } from "./benchmark.ts";
import { Fleet } from "./fleet.ts";
import { figuresOf, pause, type Running, startExecutable, until } from "./processes.ts";
import { median } from "./rounds.ts";
import { figure } from "./shown.ts";

/** Often enough that a reading of the hardware shows in the difference. */
const OFTEN = 10;
/** What `--rescan-seconds` is by itself. */
const RESCANS_AN_HOUR = 3_600 / 300;
const ARCHITECTURE = process.arch === "arm64" ? "arm64" : "x64";
const BUILD = fileURLToPath(new URL("../../scripts/build-agent.ts", import.meta.url));

export const agentCost: Benchmark = {
  name: "agent-cost",
  about: "memory of an agent, and its CPU in an hour",
  needs: { strip: "binutils" },
  async run(run) {
    const [count, seconds] = run.size === "quick" ? [1, 20] : [3, 60];
    const built = build(run);
    await using fleet = await Fleet.open(run, 2);
    const start = (settings: readonly string[]) => startAgent(run, { fleet, built, settings });
    await using shipped = await start([]);
    await using eager = await start(["--rescan-seconds", String(OFTEN)]);
    await until("both agents are connected", async () => (await fleet.status()).hosts.connected === 2 || undefined);
    await pause(10_000);
    run.tell(`two agents run for ${count * seconds} s`);
    const rounds: Round[] = [];
    while (rounds.length < count) rounds.push(await observed({ shipped, eager, seconds }));
    const middle = (value: (round: Round) => number) => median(rounds.map(value));
    return [
      underLimit({
        name: "agent-cost/memory",
        what: `agent as built, connected, settings as shipped: memory within ${count * seconds} s`,
        unit: "MB",
        value: middle(({ residentMb }) => residentMb),
        more: `${figure(middle(({ peakResidentMb }) => peakResidentMb))} MB at its highest`,
        limit: 96,
      }),
      underLimit({
        name: "agent-cost/cpu",
        what: `agent as built: CPU of an hour, extrapolated from ${count} × ${seconds} s`,
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

/** The executable that is shipped for this machine, as `npm run build:agent` makes it. */
function build(run: Run): string {
  run.tell("building the agent");
  const into = run.folder("agent-built");
  const { status, stderr } = spawnSync(process.execPath, [BUILD, "--only", ARCHITECTURE, "--into", into]);
  if (status !== 0) throw new Error(`the agent could not be built: ${stderr}`);
  return `${into}/holdfast-agent-linux-${ARCHITECTURE}`;
}

interface Agent {
  readonly fleet: Fleet;
  readonly built: string;
  readonly settings: readonly string[];
}

async function startAgent(run: Run, { fleet, built, settings }: Agent): Promise<Running> {
  const folder = run.folder("agent");
  writeFileSync(`${folder}/token`, await fleet.enrolmentToken(fleet.seed.hosts[Number(settings.length > 0)]));
  const given = [
    ...["run", "--site-url", fleet.site.url, "--state-dir", `${folder}/state`, "--log-level", "warn"],
    ...["--enrol-token-file", `${folder}/token`, ...settings],
  ];
  const agent = await startExecutable(built, given);
  if (!agent) throw new Error(`${built} could not be started`);
  return agent;
}
