import { type Dirent, readdirSync } from "node:fs";
import { setImmediate } from "node:timers/promises";
import { systemCode } from "@holdfast/runtime";
import { readCapped } from "./capped-file.ts";
import { inside, joinInside, PathResolver } from "./paths.ts";
import { describeUnreadable, reasonUnreadable } from "./unreadable.ts";

/** How a file is read. */
export interface Reading {
  /** Most bytes accepted; a file with more is unreadable. Without it 64 KiB. */
  readonly limit?: number;
  /** Take no more than `limit` from a longer file instead of refusing it. */
  readonly beginning?: true;
  /** The kernel may have to wait for the device before it answers: read without holding up everything else. */
  readonly patient?: true;
  /**
   * Takes out what must not leave the machine, before anyone sees it: a capture holds what this returns, so applying it
   * twice must give the same as once.
   */
  readonly scrub?: (content: Buffer) => Buffer;
}

/**
 * The files of one machine, by the paths they have there. Nothing here throws for what is on the machine: what is not
 * there is undefined, and what is there but cannot be read is so as well, and named in `unreadable`.
 */
export interface Tree {
  bytes(path: string, reading?: Reading): Promise<Buffer | undefined>;
  /** As UTF-8, without white space and NULs around it; undefined also when nothing is left. */
  text(path: string, reading?: Reading): Promise<string | undefined>;
  /** The names in a directory, in order; undefined when there is no such directory. */
  list(path: string): Promise<string[] | undefined>;
  /** The path that a symbolic link points to, whether or not there is anything. */
  link(path: string): Promise<string | undefined>;
  /** Whether this path was there to be read, and could not be. */
  refused(path: string): boolean;
  unreadable(): string[];
}

/** Sees everything that is read from a tree, in paths without symbolic links; a capture is made from this. */
export interface Witness {
  file(path: string, content: Buffer): void;
  link(path: string, target: string): void;
  directory(path: string, entries: readonly Dirent[]): void;
  unreadable(path: string, reason: string): void;
}

/** Holds the place of a directory in a capture in which nothing was read; git keeps no empty ones. */
export const EMPTY_MARK = ".empty";

const USUAL_LIMIT = 64 * 1024;

/**
 * Nearly all of these files are a few bytes that the kernel has in memory: reading one at once costs 12 µs of processor
 * time, reading it by the thread pool 170. So they are read at once, and after this many everybody else has a turn.
 */
const READS_A_TURN = 64;

export interface TreeOptions {
  /** The directory below which the machine's files are: "/" for the machine itself. */
  readonly root: string;
  /** What a capture could not read and so does not hold, by path. */
  readonly unreadable?: Readonly<Record<string, string>>;
  readonly witness?: Witness;
}

/** The tree in a directory. Reads nothing yet. */
export function openTree({ root, unreadable: refused = {}, witness }: TreeOptions): Tree {
  const paths = new PathResolver(root, (path, target) => witness?.link(path, target));
  const unreadable = new Map<string, string>();

  function refuse(path: string, reason: string): void {
    unreadable.set(path, reason);
    witness?.unreadable(path, reason);
  }

  let reads = 0;
  async function attempt<T>(path: string, read: () => T | Promise<T>): Promise<T | undefined> {
    reads += 1;
    if (reads % READS_A_TURN === 0) await setImmediate();
    const known = Object.hasOwn(refused, path) ? refused[path] : undefined;
    try {
      if (known === undefined) return await read();
      refuse(path, known);
    } catch (error) {
      const reason = reasonUnreadable(error);
      if (reason !== undefined) refuse(path, reason);
    }
    return undefined;
  }

  async function readFile(path: string, reading: Reading): Promise<Buffer> {
    const { limit = USUAL_LIMIT, beginning = false, patient = false, scrub } = reading;
    const read = async (real: string) => {
      const raw = await readCapped(inside(root, real), { limit, beginning, patient });
      const content = scrub === undefined ? raw : scrub(raw);
      witness?.file(real, content);
      return content;
    };
    try {
      return await read(paths.resolveDirectory(path));
    } catch (error) {
      if (systemCode(error) !== "ELOOP") throw error;
      return read(paths.resolve(path)); // the file itself is a link, which is rare
    }
  }

  const tree: Tree = {
    bytes: (path, reading = {}) => attempt(path, () => readFile(path, reading)),
    async text(path, reading) {
      const content = await tree.bytes(path, reading);
      const text = content?.toString("utf8").replace(/^[\s\0]+|[\s\0]+$/g, "");
      return text === "" ? undefined : text;
    },
    async list(path) {
      const names = await attempt(path, () => {
        const real = paths.resolve(path);
        const entries = readdirSync(inside(root, real), { withFileTypes: true });
        witness?.directory(real, entries);
        return entries.map((entry) => entry.name);
      });
      return names?.filter((name) => name !== EMPTY_MARK).sort(inNumericOrder);
    },
    link: (path) =>
      attempt(path, () => {
        const at = paths.resolveDirectory(path);
        const target = paths.target(at);
        return target === undefined ? undefined : joinInside(at.slice(0, at.lastIndexOf("/")), target);
      }),
    refused: (path) => unreadable.has(path),
    unreadable: () => describeUnreadable(unreadable),
  };
  return tree;
}

const inNumericOrder = new Intl.Collator("en", { numeric: true }).compare;
