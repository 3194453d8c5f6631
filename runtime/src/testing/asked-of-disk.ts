import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { relative } from "node:path";

/**
 * What some work asks of the disk, in order, with paths below a folder: `sync NAME`, `rename NAME to NAME`, `unlink NAME`; the
 * folder itself is `.`. All of it is done as ever: only whoever pulls the plug could see otherwise that a sync is missing.
 */
export function askedOfDisk(folder: string, work: () => void): readonly string[] {
  const asked: string[] = [];
  const opened = new Map<number, string>();
  const name = (path: unknown) => relative(folder, String(path)) || ".";
  const { openSync, fsyncSync, renameSync, unlinkSync } = fs;
  Object.assign(fs, {
    openSync(...call: Parameters<typeof openSync>) {
      const descriptor = openSync(...call);
      opened.set(descriptor, name(call[0]));
      return descriptor;
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
  try {
    work();
  } finally {
    Object.assign(fs, { openSync, fsyncSync, renameSync, unlinkSync });
    syncBuiltinESMExports();
  }
  return asked;
}
