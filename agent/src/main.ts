import { execFile } from "node:child_process";
import { isSea } from "node:sea";
import { promisify } from "node:util";
import {
  createLog,
  helpText,
  messageOf,
  readConfig,
  requireNode24,
  runUntilSignal,
  seconds,
  systemClock,
} from "@holdfast/runtime";
import { createAgent } from "./agent.ts";
import { AgentConfig } from "./config.ts";
import { runCapture } from "./hardware/capture-command.ts";
import { readHardware } from "./hardware/read.ts";
import { INSTALL_HELP, install, uninstall } from "./install.ts";
import { createLogTail } from "./log-tail.ts";
import { systemdPower } from "./power.ts";
import { superviseInstalled } from "./update/command.ts";
import { AGENT_VERSION } from "./version.ts";
import { startWatchdog } from "./watchdog.ts";

/** What a person typed to get here: the executable, or the launcher of a checkout. */
const COMMAND = isSea() ? "holdfast-agent" : "holdfast agent";
const CLOSE_WITHIN = seconds(8);
const COMMANDS = `Commands:
  run        connects this machine to its site; what is done without a command
  capture    writes what the kernel shows of this machine into a directory, for tests and for bug reports
  install    installs this executable as a service
  uninstall  removes it
  --version  prints the version`;

async function run(list: readonly string[]): Promise<number> {
  const config = readConfig(AgentConfig, { arguments: list, environment: process.env });
  const logTail = createLogTail();
  const destination = {
    write: (line: string) => {
      process.stderr.write(line);
      logTail.write(line);
    },
  };
  const log = createLog("agent", config.logLevel, destination);
  const agent = createAgent(config, { clock: systemClock, log, readHardware, logTail, power: systemdPower() });
  await agent.start();
  log.info({ version: AGENT_VERSION, siteUrl: config.siteUrl, stateDir: config.stateDir }, "started");
  const watchdog = superviseBy(process.env, log, () => agent.status.healthy);
  return runUntilSignal(
    {
      close: async () => {
        await watchdog?.close();
        await agent.close();
      },
    },
    { log, closeWithin: CLOSE_WITHIN },
  );
}

/** Signs of life for systemd, which Node can give only through `systemd-notify`: it has no datagram Unix sockets. */
function superviseBy(environment: NodeJS.ProcessEnv, log: ReturnType<typeof createLog>, isHealthy: () => boolean) {
  if (!environment.NOTIFY_SOCKET) return undefined;
  const microseconds = Number(environment.WATCHDOG_USEC ?? Number.NaN);
  return startWatchdog({
    clock: systemClock,
    log,
    isHealthy,
    microseconds: microseconds > 0 ? microseconds : undefined,
    notify: async (state) => {
      await promisify(execFile)("systemd-notify", [state], { timeout: 20_000 });
    },
  });
}

async function main([command = "run", ...rest]: readonly string[]): Promise<number> {
  const list = command.startsWith("-") ? [command, ...rest] : rest;
  const wantsHelp = list.includes("--help") || command === "help";
  const out = (text: string) => console.log(text);
  switch (command.startsWith("-") ? "run" : command) {
    case "help":
    case "run":
      if (list.includes("--version")) return say(AGENT_VERSION);
      if (!wantsHelp) return run(list);
      return say(helpText(`${COMMAND} [run]`, "Connects this machine to its site.", AgentConfig, COMMANDS));
    case "capture":
      return runCapture(list, out);
    case "install":
      if (wantsHelp) return say(INSTALL_HELP);
      return install(list, { out, executable: isSea() ? process.execPath : undefined, userId: process.getuid?.() });
    case "supervise-update":
      return supervise(list);
    case "uninstall":
      if (wantsHelp) return say(INSTALL_HELP);
      return uninstall(list, { out, executable: undefined, userId: process.getuid?.() });
    default:
      throw new Error(`no command is called ${command}\n\n${COMMANDS}`);
  }
}

/** What root's unit runs; a person has no use for it. */
async function supervise(list: readonly string[]): Promise<number> {
  const log = createLog("agent-update", "info");
  const stop = new AbortController();
  for (const name of ["SIGTERM", "SIGINT"] as const) process.once(name, () => stop.abort(new Error(name)));
  await superviseInstalled(list, { clock: systemClock, log, signal: stop.signal });
  return 0;
}

function say(text: string): number {
  console.log(text.trimEnd());
  return 0;
}

// No `await` at the top level: the executable is built as CommonJS, which knows none.
async function start(): Promise<void> {
  try {
    requireNode24();
    process.exitCode = await main(process.argv.slice(2));
  } catch (error) {
    console.error(`${COMMAND}: ${messageOf(error)}`);
    process.exitCode = 1;
  }
}

void start();
