import { readFileSync, statSync } from "node:fs";
import { Fault, systemCode } from "@holdfast/runtime";
import { writeDurably } from "@holdfast/runtime/durable-file";
import { Type } from "typebox";
import { Value } from "typebox/value";
import type { Update } from "./machine.ts";

/** A release's directory; a name that is a path would be another one. */
const Release = Type.String({ pattern: "^[A-Za-z0-9][A-Za-z0-9.+~_-]{0,127}$" });
const Text = Type.String({ maxLength: 1_024 });
const Count = Type.Integer({ minimum: 0 });

const remembered = {
  known: Type.Optional(Type.Object({ sequence: Count, version: Text, manifestHash: Text })),
  failures: Type.Array(Type.Object({ manifestHash: Text, release: Release, times: Count, reason: Text })),
};

const Journal = Type.Union([
  Type.Object({ phase: Type.Literal("steady"), release: Release, ...remembered }),
  Type.Object({
    ...{ phase: Type.Literal("trying"), from: Release, to: Release, manifestHash: Text, trial: Text, starts: Count },
    ...remembered,
  }),
]);

const JOURNAL_MOST = 256 * 1024;

/**
 * How far the updates of this machine's agent have got, written by root and read by the agent; undefined when there is no
 * journal. Throws FailedPrecondition when it cannot be understood: what it knows must not be forgotten.
 */
export function readJournal(path: string): Update | undefined {
  let text: string;
  try {
    if (statSync(path).size > JOURNAL_MOST) throw new Fault("FailedPrecondition", `more than ${JOURNAL_MOST} bytes`);
    text = readFileSync(path, "utf8");
  } catch (cause) {
    if (systemCode(cause) === "ENOENT") return undefined;
    throw new Fault("FailedPrecondition", `reading ${path}`, { cause });
  }
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (cause) {
    throw new Fault("FailedPrecondition", `${path} is not JSON`, { cause });
  }
  if (!Value.Check(Journal, document)) throw new Fault("FailedPrecondition", `${path} is no journal of updates`);
  return { ...document, known: document.known };
}

/** Durable when it returns, and for everybody to read. */
export function writeJournal(path: string, update: Update): void {
  writeDurably(path, `${JSON.stringify(update)}\n`, 0o644);
}
