import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { HardwareReport } from "@holdfast/protocol/messages";
import { createLog, type Log } from "@holdfast/runtime";
import { type Agent, createAgent, type Surroundings } from "../agent.ts";
import type { AgentConfig } from "../config.ts";
import { createLogTail } from "../log-tail.ts";
import { manualClock } from "./manual-clock.ts";
import type { TestSite } from "./site.ts";

export const TOKEN = "hft_a-token-for-one-machine";

/** A report as a reader of hardware gives it, of a machine with so much memory. */
export function reportOf(bytes: number, observedAt = 0): HardwareReport {
  return {
    schema: 1,
    hash: bytes.toString(16).padStart(64, "0"),
    observedAt,
    system: { serialNumber: "SN-0042", uuid: "4c4c4544-0042-3010-8051-b4c04f4a3132" },
    memory: { bytes, dimms: [] },
    storages: [],
    nics: [],
    usbs: [],
    gpus: [],
    os: { hostname: "edge-one" },
    unreadable: [],
  };
}

/** A log kept for the test to read: `lines` holds what was logged, parsed. */
export function testLog(): { log: Log; lines: Record<string, unknown>[] } {
  const lines: Record<string, unknown>[] = [];
  return { log: createLog("agent", "debug", { write: (line) => void lines.push(JSON.parse(line)) }), lines };
}

export function temporaryDirectory(): { path: string; [Symbol.dispose]: () => void } {
  const path = mkdtempSync(join(tmpdir(), "holdfast-agent-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

/** An agent of a site, not started, with everything its own but the site. */
export function testAgent(site: TestSite, settings: Partial<AgentConfig> = {}, given: Partial<Surroundings> = {}) {
  const directory = temporaryDirectory();
  const tokenFile = join(directory.path, "token");
  writeFileSync(tokenFile, `${TOKEN}\n`);
  const stateDir = join(directory.path, "state");
  const clock = manualClock();
  const { log, lines } = testLog();
  const tail = createLogTail();
  const config: AgentConfig = {
    siteUrl: site.url,
    stateDir,
    enrolTokenFile: tokenFile,
    allowPower: false,
    programs: join(directory.path, "programs"),
    root: "/",
    logLevel: "debug",
    telemetrySeconds: 0,
    rescanSeconds: 60,
    ...settings,
  };
  const made: Agent[] = [];
  const state = { memory: 1_024, readings: 0 };
  const surroundings: Surroundings = {
    clock,
    log,
    // No jitter at all: a pause is the whole of its interval.
    random: () => 0.5,
    bootId: "boot-1",
    logTail: tail,
    readHardware: async ({ now }) => {
      state.readings += 1;
      return reportOf(state.memory, now);
    },
    ...given,
  };
  const again = (more: Partial<Surroundings> = {}, settings: Partial<AgentConfig> = {}) => {
    const agent = createAgent({ ...config, ...settings }, { ...surroundings, ...more });
    made.push(agent);
    return agent;
  };
  const first = again();
  return {
    agent: first,
    clock,
    log: { lines },
    logTail: tail,
    stateDir,
    config,
    get readings() {
      return state.readings;
    },
    set memory(bytes: number) {
      state.memory = bytes;
    },
    again,
    [Symbol.asyncDispose]: async () => {
      for (const agent of made) await agent.cut();
      directory[Symbol.dispose]();
    },
  };
}
