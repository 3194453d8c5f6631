import { existsSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { atMost, type Benchmark, figure, type Run } from "./benchmark.ts";
import { Fleet } from "./fleet.ts";
import { type Figures, figuresOf, pause, type Running, startExecutable, startProgram, until } from "./processes.ts";

const [MEMORY, CPU] = [96, 2];
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
    const seconds = run.size === "quick" ? 20 : 120;
    await using fleet = await Fleet.open(run, 2);
    await using shipped = await startAgent(run, fleet, []);
    await using eager = await startAgent(run, fleet, ["--rescan-seconds", String(OFTEN)]);
    await until("both agents are connected", async () => (await fleet.status()).hosts.connected === 2 || undefined);
    await pause(10_000);
    run.tell(`two agents run for ${seconds} s`);
    const [plain, scanning] = [figuresOf(shipped.pid), figuresOf(eager.pid)];
    await pause(seconds * 1_000);
    const now = figuresOf(shipped.pid);
    const idle = used(plain, now);
    const rescan = Math.max(0, used(scanning, figuresOf(eager.pid)) - idle) / (seconds / OFTEN);
    const anHour = idle * (3_600 / seconds) + rescan * RESCANS_AN_HOUR;
    const built = existsSync(BUILT) ? "as built" : "from its sources";
    return [
      {
        what: `agent ${built}, connected, settings as shipped: memory after ${seconds} s`,
        ours: `${figure(now.residentMib)} MiB resident, ${figure(now.peakResidentMib)} at its highest`,
        peer: `limit ${MEMORY} MB`,
        ratio: now.residentMib / MEMORY,
        goal: atMost(MEMORY, now.residentMib, " MB"),
      },
      {
        what: `agent ${built}: CPU-seconds an hour, extrapolated from ${seconds} s`,
        ours: `${figure(anHour)} s, of it ${figure(rescan * RESCANS_AN_HOUR)} s for ${RESCANS_AN_HOUR} readings of the hardware`,
        peer: `limit ${CPU} s`,
        ratio: anHour / CPU,
        goal: atMost(CPU, anHour, " s"),
      },
    ];
  },
};

function used(before: Figures, after: Figures): number {
  return after.cpuSeconds - before.cpuSeconds;
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
