import type { Dirent } from "node:fs";
import { mkdir, readlink, symlink, writeFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { type Facts, MANIFEST, type Manifest } from "./facts.ts";
import { inside } from "./paths.ts";
import { openMachine, readTree } from "./read.ts";
import { EMPTY_MARK, type Witness } from "./tree.ts";

export interface Captured {
  readonly files: number;
  readonly bytes: number;
  /** What could not be read and so is not in the capture, and why. */
  readonly skipped: string[];
}

/**
 * Copies what the hardware readers read from the machine at `root`, and nothing else, into the directory `into`, so that reading
 * the copy gives the same report. The copy is made by watching the readers, which scrub what must not leave the machine:
 * in place of the machine-id stands the UUID derived from it, and secrets are gone from the kernel's command line.
 * Serial numbers, MAC and IP addresses and the host's name are in it. Overwrites files of the same names.
 */
export async function captureTree({ root, into }: { readonly root: string; readonly into: string }): Promise<Captured> {
  const recording = new Recording();
  const { tree, facts } = await openMachine(root, undefined, recording);
  await readTree(tree, facts, { now: 0 });
  const skipped = tree.unreadable();
  const { files, bytes } = await recording.write(resolve(root), resolve(into), facts);
  return { files, bytes, skipped };
}

class Recording implements Witness {
  readonly #files = new Map<string, Buffer>();
  readonly #links = new Map<string, string>();
  readonly #named = new Set<string>();
  readonly #directories = new Set<string>();
  readonly #unreadable = new Map<string, string>();

  file(path: string, content: Buffer): void {
    this.#files.set(path, content);
  }

  link(path: string, target: string): void {
    this.#links.set(path, target);
  }

  /** A name in a directory may be all that a reader needs: links and directories are kept, files only when they are read. */
  directory(path: string, entries: readonly Dirent[]): void {
    this.#directories.add(path);
    const below = path === "/" ? "" : path;
    for (const entry of entries) {
      if (entry.isDirectory()) this.#directories.add(`${below}/${entry.name}`);
      if (entry.isSymbolicLink()) this.#named.add(`${below}/${entry.name}`);
    }
  }

  unreadable(path: string, reason: string): void {
    this.#unreadable.set(path, reason);
  }

  async write(root: string, into: string, facts: Facts): Promise<{ files: number; bytes: number }> {
    for (const path of this.#named) {
      if (!this.#links.has(path)) this.#links.set(path, await readlink(inside(root, path)));
    }
    const manifest: Manifest = { format: 1, facts, unreadable: Object.fromEntries([...this.#unreadable].sort()) };
    this.#files.set(MANIFEST, Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`));
    this.#markEmpty();
    let bytes = 0;
    for (const [path, content] of this.#files) {
      await mkdir(dirname(inside(into, path)), { recursive: true });
      await writeFile(inside(into, path), content);
      bytes += content.length;
    }
    for (const [path, target] of this.#links) {
      await mkdir(dirname(inside(into, path)), { recursive: true });
      await symlink(target, inside(into, path));
    }
    return { files: this.#files.size, bytes };
  }

  #markEmpty(): void {
    const filled = new Set([...this.#files.keys(), ...this.#links.keys()].flatMap(directoriesAbove));
    const deepestFirst = [...this.#directories].sort((a, b) => b.length - a.length);
    for (const directory of deepestFirst) {
      if (filled.has(directory)) continue;
      const mark = `${directory}/${EMPTY_MARK}`;
      this.#files.set(mark, Buffer.alloc(0));
      for (const above of directoriesAbove(mark)) filled.add(above);
    }
  }
}

function directoriesAbove(path: string): string[] {
  const parts = path.split("/").slice(1, -1);
  return parts.map((_, index) => `/${parts.slice(0, index + 1).join("/")}`);
}
