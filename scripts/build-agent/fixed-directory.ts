import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { systemClock, systemCode } from "@holdfast/runtime";

/** The path of the script becomes part of the executable, so it must not depend on where the repository is. */
const DIRECTORY = "/tmp/holdfast-agent-build";
/** Holds the id of the process that is at work in it. */
const OWNER = "process";
const WAIT_MOST = 300_000;

/**
 * Does something in a directory that always has the same path, alone: another build in it is waited for, five minutes at
 * most. Throws when it cannot be had.
 */
export async function inFixedDirectory<T>(work: (directory: string) => T): Promise<T> {
  const deadline = systemClock.monotonic() + WAIT_MOST;
  while (!taken()) {
    if (systemClock.monotonic() > deadline) throw new Error(`another build has been in ${DIRECTORY} for five minutes`);
    await systemClock.sleep(200);
  }
  try {
    return work(DIRECTORY);
  } finally {
    rmSync(DIRECTORY, { recursive: true, force: true });
  }
}

/** Whether the directory is ours now. One that a killed build has left behind is removed. */
function taken(): boolean {
  // It comes into being with our name in it: renaming onto a directory that is not empty fails.
  const named = mkdtempSync(`${DIRECTORY}-`);
  try {
    writeFileSync(join(named, OWNER), String(process.pid));
    renameSync(named, DIRECTORY);
    return true;
  } catch (error) {
    rmSync(named, { recursive: true, force: true });
    // Another user's, where /tmp is sticky, is EPERM.
    if (!["ENOTEMPTY", "EEXIST", "EPERM", "EACCES"].includes(systemCode(error) ?? "")) throw error;
  }
  if (!isInUse()) remove();
  return false;
}

function isInUse(): boolean {
  try {
    process.kill(Number(readFileSync(join(DIRECTORY, OWNER), "utf8")), 0);
    return true;
  } catch (error) {
    // The process is there, but another user's.
    return systemCode(error) === "EPERM";
  }
}

function remove(): void {
  try {
    rmSync(DIRECTORY, { recursive: true, force: true });
  } catch (cause) {
    throw new Error(`${DIRECTORY} is another user's: remove it, for the build needs this very path`, { cause });
  }
}
