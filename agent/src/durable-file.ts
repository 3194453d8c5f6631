import { existsSync, mkdirSync, readFileSync, renameSync, statSync } from "node:fs";
import { Fault, type Log, messageOf, systemCode } from "@holdfast/runtime";
import { writeDurably } from "@holdfast/runtime/durable-file";
import type { Static, TSchema } from "typebox";
import { Value } from "typebox/value";

const STATE_FILE_MOST = 256 * 1024;

/** A directory that only its owner may enter, made when missing. */
export function privateDirectory(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o700 });
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
