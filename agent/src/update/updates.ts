import { existsSync, readFileSync } from "node:fs";
import type { Manifest } from "@holdfast/protocol/manifest/manifest";
import { type AgentUpdate, UP } from "@holdfast/protocol/topics";
import { type Clock, Fault, hours, type Log, messageOf, minutes } from "@holdfast/runtime";
import { writeDurably } from "@holdfast/runtime/durable-file";
import { type PublicKey, readPublicKeys } from "@holdfast/runtime/minisign/format";
import { withDeadline } from "../deadline.ts";
import { privateDirectory } from "../durable-file.ts";
import type { Link } from "../link.ts";
import { type Loop, startLoop } from "../loop.ts";
import type { SpoolMessage } from "../spool-file.ts";
import { fetchRelease } from "./fetch.ts";
import { readJournal } from "./journal.ts";
import type { Update } from "./machine.ts";
import { fetchedIn, programsIn } from "./places.ts";

export interface UpdatesOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
  readonly siteUrl: string;
  readonly stateDir: string;
  /** A file with the public keys by which releases are trusted; none are fetched without it. */
  readonly releaseKeys: string | undefined;
  /** Where root keeps the releases. */
  readonly programs: string;
  readonly link: () => Link | undefined;
  /** Reads the hardware and reports it, changed or not. */
  readonly report: () => Promise<unknown>;
}

/** The agent's own part in its updates: it fetches, and it proves that it reaches its site. Who exchanges it is root. */
export interface Updates extends Loop {
  /** A link is up: a release that is being tried reports at once. */
  up(): void;
  /** The site has a message. */
  delivered(message: SpoolMessage): void;
  /** What the site is told of it; undefined when there never was an update. */
  readonly told: AgentUpdate | undefined;
}

const ASKED_EVERY = hours(1);
const FETCHED_WITHIN = minutes(30);

export function startUpdates(options: UpdatesOptions): Updates {
  const { clock, log, random, siteUrl, stateDir, releaseKeys, programs, link, report } = options;
  const fetched = fetchedIn(stateDir);
  const { journal } = programsIn(programs);
  let refused: string | undefined;

  function state(): Update | undefined {
    try {
      return readJournal(journal);
    } catch (error) {
      log.error({ error: messageOf(error) }, "the journal of updates cannot be read");
      return undefined;
    }
  }

  function trial(): string | undefined {
    const update = state();
    return update?.phase === "trying" ? update.trial : undefined;
  }

  async function ask(keys: readonly PublicKey[], architecture: Manifest["architecture"], signal: AbortSignal) {
    if (link() === undefined || trial() !== undefined) return;
    const what = { clock, within: FETCHED_WITHIN, what: "fetching a release", signal };
    const outcome = await withDeadline(what, (within) =>
      fetchRelease({ siteUrl, architecture, keys, fetched, update: state(), signal: within }),
    );
    if (outcome.is === "fetched") {
      const { version, sequence } = outcome.manifest;
      log.info({ version, sequence }, "a release of the agent was fetched");
    }
    const reason = outcome.is === "refused" ? outcome.reason : undefined;
    if (reason !== undefined && reason !== refused) log.error({ reason }, "a release of the agent is refused");
    refused = reason;
  }

  const architecture = architectureOf(process.arch);
  const keys = releaseKeys === undefined ? undefined : readKeys(releaseKeys);
  const loop = startLoop({
    name: "updates",
    clock,
    log,
    begin: "after-pause",
    every: () => (keys && architecture ? ASKED_EVERY * (0.5 + random()) : undefined),
    run: async (signal) => {
      if (keys && architecture) await ask(keys, architecture, signal);
    },
  });

  return {
    ...loop,
    up: () => {
      if (trial() !== undefined) void report().catch((error) => log.warn({ error: messageOf(error) }, "no report"));
      else if (keys) loop.wake();
    },
    delivered: ({ leaf }) => {
      if (leaf !== UP.hardware || link() === undefined) return;
      const proves = trial();
      if (proves === undefined || provenAlready(fetched.proven, proves)) return;
      try {
        privateDirectory(fetched.directory);
        writeDurably(fetched.proven, `${proves}\n`);
        log.info("this release has reached its site");
      } catch (error) {
        log.error({ error: messageOf(error) }, "not noted that this release has reached its site");
      }
    },
    get told(): AgentUpdate | undefined {
      const update = state();
      if (refused !== undefined) return { state: "refused", reason: refused };
      return update && toldOf(update);
    },
  };
}

function toldOf(update: Update): AgentUpdate | undefined {
  if (update.phase === "trying") return { state: "trying", release: update.to };
  const failure = update.failures.findLast(({ manifestHash }) => manifestHash === update.known?.manifestHash);
  if (failure) return { state: "rolled-back", release: failure.release, reason: failure.reason };
  return update.known && { state: "proven", release: update.release };
}

/** As manifests name it; undefined for one that no release is made for. */
export function architectureOf(processor: string): Manifest["architecture"] | undefined {
  if (processor === "x64") return "x86_64";
  return processor === "arm64" ? "aarch64" : undefined;
}

/** Throws InvalidArgument naming the setting. */
export function readKeys(path: string): readonly PublicKey[] {
  try {
    return readPublicKeys(readFileSync(path, "utf8"));
  } catch (cause) {
    throw new Fault("InvalidArgument", `--release-keys ${path}`, { cause });
  }
}

function provenAlready(path: string, trial: string): boolean {
  return existsSync(path) && readFileSync(path, "utf8").trim() === trial;
}
