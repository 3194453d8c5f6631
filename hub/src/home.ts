import { readFileSync } from "node:fs";
import { join } from "node:path";
import { systemCode } from "@holdfast/runtime";

/** Where a hub keeps its database. */
export function databaseOf(home: string): string {
  return join(home, "hub.db");
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
