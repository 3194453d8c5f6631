import {
  createLog,
  helpText,
  messageOf,
  readConfig,
  requireNode24,
  runUntilSignal,
  systemClock,
} from "@holdfast/runtime";
import { administer, COMMANDS, splitCommand } from "./administer.ts";
import { HubConfig } from "./config.ts";
import { createHub } from "./hub.ts";
import { VERSION } from "./version.ts";

const CLOSES_WITHIN = 10_000;

async function main(given: readonly string[]): Promise<void> {
  requireNode24();
  const { command, options } = splitCommand(given);
  const sources = { arguments: options, environment: process.env };
  if (options.includes("--version")) return console.log(VERSION);
  if (command !== "run") return console.log(await administer(command, sources));
  if (options.includes("--help")) return console.log(help());
  const config = readConfig(HubConfig, sources);
  const log = createLog("hub", config.logLevel);
  const credentialsDirectory = process.env.CREDENTIALS_DIRECTORY;
  const hub = await createHub(config, { clock: systemClock, log, credentialsDirectory });
  await runUntilSignal(hub, { log, closeWithin: CLOSES_WITHIN });
}

function help(): string {
  const purpose = "Runs the hub: the authoritative inventory, its API, and what each site must know.";
  const width = Math.max(...Object.keys(COMMANDS).map((name) => name.length));
  const commands = Object.entries(COMMANDS).map(([name, { purpose }]) => `  ${name.padEnd(width)}  ${purpose}`);
  return helpText("holdfast hub", purpose, HubConfig, ["Other commands (each has --help):", ...commands].join("\n"));
}

await main(process.argv.slice(2)).catch((error) => {
  console.error(`holdfast hub: ${messageOf(error)}`);
  process.exitCode = 1;
});
