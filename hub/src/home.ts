import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { Fault, systemCode } from "@holdfast/runtime";

/** Where a hub keeps its database. */
export function databaseOf(home: string): string {
  return join(home, "hub.db");
}

/** Where a hub has its database. Throws FailedPrecondition when there is none, or none that this user may see. */
export function requireDatabase(home: string): string {
  const path = databaseOf(home);
  try {
    statSync(path);
    return path;
  } catch (cause) {
    if (systemCode(cause) !== "ENOENT")
      throw new Fault("FailedPrecondition", `--home ${home} cannot be read`, { cause });
    throw new Fault("FailedPrecondition", `${path} is not there: no hub has run with this --home`);
  }
}

/** The first line of a file; undefined when there is none. */
export function readFirstLine(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8").split("\n")[0];
  } catch (error) {
    if (systemCode(error) === "ENOENT") return undefined;
    throw error;
  }
}
