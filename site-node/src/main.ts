import {
  createLog,
  helpText,
  messageOf,
  readConfig,
  requireNode24,
  runUntilSignal,
  systemClock,
} from "@holdfast/runtime";
import { SiteConfig } from "./config.ts";
import { createSiteNode } from "./site-node.ts";
import { VERSION } from "./version.ts";

const PURPOSE =
  "Runs a site-node: the MQTT broker, the enrolment and the local API of one site, and its replica of what the hub knows of it.";

async function main(given: readonly string[]): Promise<void> {
  if (given.includes("--version")) return console.log(VERSION);
  if (given.includes("--help")) return console.log(helpText("holdfast site", PURPOSE, SiteConfig));
  const config = readConfig(SiteConfig, { arguments: given, environment: process.env });
  const log = createLog("site-node", config.logLevel);
  const node = await createSiteNode(config, { clock: systemClock, log });
  await runUntilSignal(node, { log, closeWithin: 10_000 });
}

try {
  requireNode24();
  const given = process.argv.slice(2);
  // `run` is what a service file says; it means the same as nothing.
  await main(given[0] === "run" ? given.slice(1) : given);
} catch (error) {
  console.error(`holdfast site: ${messageOf(error)}`);
  process.exitCode = 1;
}
