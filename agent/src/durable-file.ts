import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";
import { Fault, type Log, messageOf, systemCode } from "@holdfast/runtime";
import type { Static, TSchema } from "typebox";
import { Value } from "typebox/value";

/** The name that a file has while it is being written; what carries it was never finished and means nothing. */
export const UNFINISHED = ".tmp";

const STATE_FILE_MOST = 256 * 1024;

/** A directory that only its owner may enter, made when missing. */
export function privateDirectory(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o700 });
}

/**
 * Writes a file so that after a crash or a power cut, at any moment, either the old content or the whole new content is
 * there. Readable by its owner alone.
 */
export function writeDurably(path: string, content: string | Uint8Array): void {
  const unfinished = `${path}${UNFINISHED}`;
  try {
    writeWhole(unfinished, content);
    renameSync(unfinished, path);
  } catch (error) {
    // What was written of it fills the disk further.
    rmSync(unfinished, { force: true });
    throw error;
  }
  syncDirectory(dirname(path));
}

function writeWhole(path: string, content: string | Uint8Array): void {
  const file = openSync(path, "w", 0o600);
  try {
    writeFileSync(file, content);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** Removes a file, durably; one that is gone already is fine. */
export function removeDurably(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (systemCode(error) !== "ENOENT") throw error;
  }
  syncDirectory(dirname(path));
}

/**
 * The JSON document in a file of the agent's own; undefined when there is no file. A file that is no such document is
 * kept under another name and reported, so that what it held can still be looked at, and undefined is returned.
 * Throws FailedPrecondition when the file cannot be read at all: starting anew then would forget what is still there.
 */
export function readDocument<S extends TSchema>(path: string, schema: S, log: Log): Static<S> | undefined {
  let text: string;
  try {
    if (statSync(path).size > STATE_FILE_MOST) {
      reportAside(path, `more than ${STATE_FILE_MOST} bytes`, log);
      return undefined;
    }
    text = readFileSync(path, "utf8");
  } catch (cause) {
    if (systemCode(cause) === "ENOENT") return undefined;
    throw new Fault("FailedPrecondition", `reading ${path}`, { cause });
  }
  try {
    const document: unknown = JSON.parse(text);
    if (Value.Check(schema, document)) return document;
    const [first] = Value.Errors(schema, document);
    reportAside(path, `${first?.instancePath || "/"} ${first?.message ?? "does not fit"}`, log);
  } catch (error) {
    reportAside(path, messageOf(error), log);
  }
  return undefined;
}

/** Writes a JSON document for `readDocument`, durably. */
export function writeDocument(path: string, document: unknown): void {
  writeDurably(path, `${JSON.stringify(document)}\n`);
}

/** Renames a file that cannot be understood to the first free `NAME.corrupt-N`; returns that name. */
export function setAside(path: string): string {
  let number = 1;
  while (existsSync(`${path}.corrupt-${number}`)) number += 1;
  const aside = `${path}.corrupt-${number}`;
  renameSync(path, aside);
  return aside;
}

function reportAside(path: string, reason: string, log: Log): void {
  const keptAs = setAside(path);
  log.error({ file: path, keptAs, reason }, "a file of the agent's own is corrupt; it was set aside");
}

function syncDirectory(path: string): void {
  const directory = openSync(path, "r");
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}
