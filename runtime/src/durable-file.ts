import { closeSync, fchmodSync, fsyncSync, openSync, renameSync, rmSync, unlinkSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { systemCode } from "./errors.ts";

/** What the name of a file ends with while it is being written; what carries it was never finished and means nothing. */
export const UNFINISHED = ".tmp";

/**
 * Writes a file so that after a crash or a power cut, at any moment, either the old content or the whole new content is
 * there. Readable by its owner alone, unless another mode is given.
 */
export function writeDurably(path: string, content: string | Uint8Array, mode = 0o600): void {
  const unfinished = `${path}${UNFINISHED}`;
  try {
    writeWhole(unfinished, content, mode);
    renameSync(unfinished, path);
  } catch (error) {
    // What was written of it fills the disk further.
    rmSync(unfinished, { force: true });
    throw error;
  }
  makeDurable(dirname(path));
}

function writeWhole(path: string, content: string | Uint8Array, mode: number): void {
  const file = openSync(path, "w", 0o600);
  try {
    writeFileSync(file, content);
    // What an earlier try has left keeps the mode that it had when it is opened again.
    fchmodSync(file, mode);
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
  makeDurable(dirname(path));
}

/** Gives a file another name in the same directory, durably; one that has that name already is replaced. */
export function renameDurably(from: string, to: string): void {
  renameSync(from, to);
  makeDurable(dirname(to));
}

/** Makes a file's content, or a directory's names, outlive a loss of power. */
export function makeDurable(path: string): void {
  const descriptor = openSync(path, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
