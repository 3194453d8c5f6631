import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** The path of the script becomes part of the executable, so it must not depend on where the repository is. */
const DIRECTORY = "/tmp/holdfast-agent-build";

/** Does something in a directory that always has the same path, alone; throws when another build is in it. */
export function inFixedDirectory<T>(work: (directory: string) => T): T {
  try {
    mkdirSync(DIRECTORY, { mode: 0o700 });
  } catch {
    if (isInUse()) throw new Error(`another build is running in ${DIRECTORY}; try again when it is done`);
    rmSync(DIRECTORY, { recursive: true });
    mkdirSync(DIRECTORY, { mode: 0o700 });
  }
  try {
    writeFileSync(join(DIRECTORY, "process"), String(process.pid));
    return work(DIRECTORY);
  } finally {
    rmSync(DIRECTORY, { recursive: true, force: true });
  }
}

/** A build that was killed leaves its directory behind. */
function isInUse(): boolean {
  try {
    process.kill(Number(readFileSync(join(DIRECTORY, "process"), "utf8")), 0);
    return true;
  } catch {
    return false;
  }
}
