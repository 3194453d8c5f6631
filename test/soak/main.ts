// `npm run soak`: the three programs as processes, traffic and trouble, and a verdict.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { helpText, messageOf, readConfig, requireNode24 } from "@holdfast/runtime";
import { namespaceNetwork, ownWorld } from "./namespaces.ts";
import { SoakConfig } from "./options.ts";
import { relayNetwork } from "./relays.ts";
import { soak } from "./soak.ts";

const PURPOSE =
  "Runs hub, site-nodes and agents as processes, kills them and cuts their links while operators work, and judges what is left.";
/** Set for the process that has namespaces of its own: it is this program once more. */
const INSIDE = "HOLDFAST_SOAK_INSIDE";

async function main(given: readonly string[]): Promise<number> {
  requireNode24();
  if (given.includes("--help") || given.includes("-h")) {
    console.log(helpText("npm run soak --", PURPOSE, SoakConfig));
    return 0;
  }
  const read = readConfig(SoakConfig, { arguments: given, environment: process.env });
  const config = { ...read, seed: read.seed ?? Math.floor(Math.random() * 2 ** 32) };
  const isInside = process.env[INSIDE] === "yes";
  const stop = stopOnSignal(isInside);
  if (!isInside && config.links !== "relay") {
    const world = ownWorld();
    if (typeof world !== "string") return inside(world, [...given, "--seed", String(config.seed)], stop);
    if (config.links === "namespaces") throw new Error(world);
    console.log(`no network namespaces: ${world}`);
  }
  return run(config, isInside, stop);
}

async function run(config: Parameters<typeof soak>[0]["config"], isInside: boolean, signal: AbortSignal) {
  const folder = mkdtempSync(`${tmpdir()}/holdfast-soak-`);
  const network = isInside ? await namespaceNetwork(`${folder}/namespaces`) : relayNetwork();
  const { seed, minutes, sites, agents } = config;
  console.log(`soak: seed ${seed}, ${minutes} min, hub, ${sites} sites with ${agents} agents each`);
  console.log(`links: ${network.about}; state in ${folder}`);
  let isSound = false;
  try {
    const { complaints, summary } = await soak({ config, folder, network, signal, say: (line) => console.log(line) });
    console.log(summary);
    for (const complaint of complaints) console.log(`WRONG: ${complaint}`);
    isSound = complaints.length === 0 && !signal.aborted;
  } finally {
    if (signal.aborted) console.log(`soak: ${messageOf(signal.reason)}`);
    if ((isSound || signal.aborted) && !config.keep) rmSync(folder, { recursive: true, force: true });
    else console.log(`kept: ${folder}: timeline.jsonl, ledger.jsonl, what each program printed, and their homes`);
  }
  if (isSound) console.log("soak: nothing was lost, and all agree");
  else console.log(signal.aborted ? "soak: no verdict" : `soak: not sound; --seed ${seed}`);
  return isSound ? 0 : 1;
}

/** The same once more, in a world of its own; it stops when this process ends, however that is. */
function inside(
  [file = "", ...before]: readonly string[],
  given: readonly string[],
  stop: AbortSignal,
): Promise<number> {
  const script = process.argv[1] ?? "";
  const child = spawn(file, [...before, process.execPath, script, ...given], {
    env: { ...process.env, [INSIDE]: "yes" },
    stdio: ["pipe", "inherit", "inherit"],
  });
  stop.addEventListener("abort", () => child.stdin.end());
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => resolve(code ?? 1));
  });
}

function stopOnSignal(isInside: boolean): AbortSignal {
  const stopped = new AbortController();
  const stop = (by: string) => () => stopped.abort(new Error(`stopped before its time by ${by}`));
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, stop(signal));
  if (isInside)
    process.stdin.on("end", stop("whoever started it")).on("error", stop("the end of its starter")).resume();
  return stopped.signal;
}

// A terminal that was closed takes no more words, and that must not keep anything from being stopped.
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => undefined);
try {
  process.exit(await main(process.argv.slice(2)));
} catch (error) {
  console.error(`soak: ${messageOf(error)}`);
  process.exit(1);
}
