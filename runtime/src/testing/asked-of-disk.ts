import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { relative } from "node:path";

/**
 * What some work asks of the disk, in order, with paths below a folder: `sync NAME`, `rename NAME to NAME`, `unlink NAME`; the
 * folder itself is `.`, and a sync that is waited for beside the event loop ends with `aside`. All of it is done as ever:
 * only whoever pulls the plug could see otherwise that a sync is missing.
 */
export function askedOfDisk(folder: string, work: () => void): readonly string[] {
  const { asked, stop } = watchDisk(folder);
  try {
    work();
  } finally {
    stop();
  }
  return asked;
}

/** The same, of work that takes its time. */
export async function askedOfDiskMeanwhile(folder: string, work: () => Promise<void>): Promise<readonly string[]> {
  const { asked, stop } = watchDisk(folder);
  try {
    await work();
  } finally {
    stop();
  }
  return asked;
}

function watchDisk(folder: string): { readonly asked: readonly string[]; readonly stop: () => void } {
  const asked: string[] = [];
  const opened = new Map<number, string>();
  const name = (path: unknown) => relative(folder, String(path)) || ".";
  const { openSync, fsync, fsyncSync, renameSync, unlinkSync } = fs;
  Object.assign(fs, {
    openSync(...call: Parameters<typeof openSync>) {
      const descriptor = openSync(...call);
      opened.set(descriptor, name(call[0]));
      return descriptor;
    },
    fsync(descriptor: number, done: (error: NodeJS.ErrnoException | null) => void) {
      fsync(descriptor, (error) => {
        asked.push(`sync ${opened.get(descriptor)} aside`);
        done(error);
      });
    },
    fsyncSync(descriptor: number) {
      fsyncSync(descriptor);
      asked.push(`sync ${opened.get(descriptor)}`);
    },
    renameSync(...[from, to]: Parameters<typeof renameSync>) {
      renameSync(from, to);
      asked.push(`rename ${name(from)} to ${name(to)}`);
    },
    unlinkSync(...[path]: Parameters<typeof unlinkSync>) {
      unlinkSync(path);
      asked.push(`unlink ${name(path)}`);
    },
  });
  syncBuiltinESMExports();
  return {
    asked,
    stop() {
      Object.assign(fs, { openSync, fsync, fsyncSync, renameSync, unlinkSync });
      syncBuiltinESMExports();
    },
  };
}
