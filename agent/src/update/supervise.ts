import { randomUUID } from "node:crypto";
import { existsSync, readdirSync, readFileSync, readlinkSync, rmSync, symlinkSync } from "node:fs";
import { basename, join } from "node:path";
import type { Manifest } from "@holdfast/protocol/manifest/manifest";
import { type Clock, Fault, type Log, messageOf, minutes, seconds } from "@holdfast/runtime";
import { removeDurably, renameDurably } from "@holdfast/runtime/durable-file";
import type { PublicKey } from "@holdfast/runtime/minisign/format";
import { readJournal, writeJournal } from "./journal.ts";
import { layDown } from "./lay-down.ts";
import { mayTry, step, type Update, type UpdateEffect, type UpdateEvent } from "./machine.ts";
import type { Fetched, Programs } from "./places.ts";

export interface SuperviseOptions {
  readonly programs: Programs;
  readonly fetched: Fetched;
  readonly keys: readonly PublicKey[];
  readonly architecture: Manifest["architecture"];
  /** Starts the service anew, with what `current` leads to. */
  readonly restart: () => Promise<void>;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** From the start of a new release until its site must have its report. */
export const PROVEN_WITHIN = minutes(5);
const LOOKED_EVERY = seconds(1);

/**
 * Takes up what the agent has fetched, and what an earlier start has left unfinished, to the end: either the new release has proven
 * itself, or the one before runs again. Runs as root and from a release that has proven itself: one that cannot even start is
 * rolled back all the same. Rejects when the signal is aborted; the next start goes on.
 */
export async function superviseUpdate(options: SuperviseOptions): Promise<Update> {
  const { programs, fetched, restart, clock, log, signal } = options;
  let state: Update = readJournal(programs.journal) ?? {
    ...{ phase: "steady", release: releaseBehind(programs.trusted), known: undefined, failures: [] },
  };

  async function take(event: UpdateEvent): Promise<boolean> {
    const stepped = step(state, event);
    if (!stepped) return false;
    // Durable first: whatever ends this process then, the next start knows what it was about.
    writeJournal(programs.journal, stepped.next);
    state = stepped.next;
    for (const effect of stepped.effects) await perform(effect);
    log.warn(state, "the agent's release changes");
    return true;
  }

  async function perform(effect: UpdateEffect): Promise<void> {
    if (effect.do === "run") return run(effect.release);
    exchangeLink(programs.trusted, effect.release);
    prune(programs, [effect.release, effect.before]);
  }

  async function run(release: string): Promise<void> {
    exchangeLink(programs.current, release);
    // What could not be started proves nothing, and is rolled back like any other.
    await restart().catch((error) => log.error({ release, error: messageOf(error) }, "the agent was not restarted"));
  }

  async function prove(trial: string): Promise<void> {
    const until = clock.monotonic() + PROVEN_WITHIN;
    while (clock.monotonic() < until) {
      if (provenTrial(fetched) === trial && (await take({ type: "proven", trial }))) return;
      await clock.sleep(LOOKED_EVERY, signal);
    }
    await take({ type: "deadline-passed" });
  }

  if (state.phase === "trying") await take({ type: "started" });
  // The power may have gone between noting that the one before shall run and having it run.
  else if (releaseBehind(programs.current) !== state.release) await run(state.release);
  if (state.phase === "steady" && existsSync(fetched.ready)) {
    const laidDown = layDownReady(options, state);
    if (laidDown) await take(laidDown);
  }
  if (state.phase === "trying") await prove(state.trial);
  return state;
}

function layDownReady(options: SuperviseOptions, state: Update): UpdateEvent | undefined {
  const { programs, fetched, keys, architecture, log } = options;
  try {
    const { release, admission } = layDown({ fetched, programs, keys, known: state.known, architecture });
    if (!mayTry(state, admission.manifestHash)) throw new Fault("FailedPrecondition", "it has failed before");
    return { type: "laid-down", release, known: admission.known, trial: randomUUID() };
  } catch (error) {
    log.error({ error: messageOf(error) }, "what the agent has fetched is not taken up");
    return undefined;
  } finally {
    // What brought us here; with it, the next thing that is fetched brings us here again.
    removeDurably(fetched.ready);
  }
}

function provenTrial({ proven }: Fetched): string | undefined {
  try {
    return readFileSync(proven, "utf8").slice(0, 1_024).trim();
  } catch {
    return undefined;
  }
}

function exchangeLink(link: string, release: string): void {
  rmSync(`${link}.new`, { force: true });
  symlinkSync(join("releases", release), `${link}.new`);
  renameDurably(`${link}.new`, link);
}

function releaseBehind(link: string): string {
  try {
    return basename(readlinkSync(link));
  } catch (cause) {
    throw new Fault("FailedPrecondition", `${link} leads to no release: install the agent again`, { cause });
  }
}

/** Removes what neither runs nor ran before it. */
function prune({ releases }: Programs, kept: readonly string[]): void {
  for (const name of readdirSync(releases)) {
    if (!kept.includes(name)) rmSync(join(releases, name), { recursive: true, force: true });
  }
}
