import {
  closeSync,
  fchmodSync,
  fsync,
  fsyncSync,
  openSync,
  renameSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";
import { promisify } from "node:util";
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

/**
 * The same, for a program that has others to serve: the disk is waited for beside the event loop. A file may be written by one
 * of these at a time.
 */
export async function writeDurablyAside(path: string, content: string | Uint8Array, mode = 0o600): Promise<void> {
  const unfinished = `${path}${UNFINISHED}`;
  try {
    await opened(unfinished, "w", async (file) => {
      writeFileSync(file, content);
      fchmodSync(file, mode);
      await promisify(fsync)(file);
    });
    renameSync(unfinished, path);
  } catch (error) {
    rmSync(unfinished, { force: true });
    throw error;
  }
  await opened(dirname(path), "r", (directory) => promisify(fsync)(directory));
}

async function opened(path: string, flags: "r" | "w", work: (descriptor: number) => Promise<void>): Promise<void> {
  const descriptor = openSync(path, flags, 0o600);
  try {
    await work(descriptor);
  } finally {
    closeSync(descriptor);
  }
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
