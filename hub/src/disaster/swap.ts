import { existsSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { Fault } from "@holdfast/runtime";
import { removeDurably, renameDurably, writeDurably } from "@holdfast/runtime/durable-file";
import { Type } from "typebox";
import { Value } from "typebox/value";
import { databaseOf } from "../home.ts";
import { COMPANIONS } from "./files.ts";
import { type HighWater, WrittenHighWater, writeHighWater } from "./high-water.ts";

const WrittenSwap = Type.Object({
  aside: Type.Union([Type.Null(), Type.String({ pattern: "^hub\\.db\\.[A-Za-z0-9.-]{1,100}$" })]),
  mark: WrittenHighWater,
});

/** Where a database is made ready that shall take the place of a home's. */
export function preparedIn(home: string): string {
  return `${databaseOf(home)}.prepared`;
}

/** What has been decided: from here on the prepared database takes the place, however often that is broken off. */
export interface Swap {
  /** The name that the old database gets, in the home; null when there is none. */
  readonly aside: string | null;
  /** Of the prepared database. */
  readonly mark: HighWater;
}

/** Told before each step, so that a test can end the process there. */
export type OnStep = (step: string) => void;

function journalIn(home: string): string {
  return join(home, "restore.json");
}

/** Puts the prepared database in its place. To be called with the home held, the database made durable. */
export function swapIn(home: string, swap: Swap, onStep: OnStep = () => undefined): void {
  onStep("decide");
  writeDurably(journalIn(home), JSON.stringify(swap));
  finishSwap(home, onStep);
}

/**
 * Finishes a swap that was broken off, from wherever it stands; does nothing when none was decided. Returns what it was. To
 * be called with the home held, before its database is opened. Throws FailedPrecondition, with nothing touched, when what was
 * decided cannot be read.
 */
export function finishSwap(home: string, onStep: OnStep = () => undefined): Swap | undefined {
  const journal = journalIn(home);
  if (!existsSync(journal)) return undefined;
  const swap = readSwap(journal);
  const [prepared, database] = [preparedIn(home), databaseOf(home)];
  // While it is still there under this name, whatever has the database's name is the old one.
  if (existsSync(prepared)) {
    // What SQLite keeps beside a database would be taken for the new one's.
    for (const companion of COMPANIONS) {
      onStep(`put ${companion} aside`);
      putAside(home, swap, companion);
    }
    onStep("put the database aside");
    putAside(home, swap, "");
    onStep("rename");
    renameDurably(prepared, database);
  }
  onStep("mark");
  writeHighWater(home, swap.mark);
  onStep("end");
  removeDurably(journal);
  return swap;
}

function readSwap(journal: string): Swap {
  const damaged = (cause?: unknown) => {
    const message = `${journal} is damaged, so the restore that was broken off cannot be finished: remove it, and restore once more`;
    return new Fault("FailedPrecondition", message, { cause });
  };
  let read: unknown;
  try {
    read = JSON.parse(readFileSync(journal, "utf8"));
  } catch (cause) {
    throw damaged(cause);
  }
  if (!Value.Check(WrittenSwap, read)) throw damaged();
  return read;
}

/** Throws FailedPrecondition in a home whose database is just being replaced by another. */
export function refuseHalfRestored(home: string): void {
  if (!existsSync(journalIn(home))) return;
  const message = `in ${home} a restore was broken off: start the hub, which finishes it, and ask again`;
  throw new Fault("FailedPrecondition", message);
}

function putAside(home: string, { aside }: Swap, companion: string): void {
  const path = `${databaseOf(home)}${companion}`;
  if (!existsSync(path)) return;
  // The index of a write-ahead log is made anew from the log; a log may hold nothing.
  const isWorthless = companion === "-shm" || (companion !== "" && statSync(path).size === 0);
  if (aside === null || isWorthless) rmSync(path);
  else renameDurably(path, join(home, `${aside}${companion}`));
}
