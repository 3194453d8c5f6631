import { Fault } from "./errors.ts";

/** The first thing a program does: on another Node nothing else is to be trusted. */
export function requireNode24(version = process.versions.node): void {
  if (Number(version.split(".")[0]) === 24) return;
  throw new Fault(
    "FailedPrecondition",
    `Node ${version} runs this, 24 is needed: start it with npm or with ./holdfast, which use the Node that npm installed`,
  );
}
