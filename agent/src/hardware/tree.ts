import { constants, type Dirent } from "node:fs";
import { open, readdir } from "node:fs/promises";
import { inside, joinInside, PathResolver } from "./paths.ts";
import { describeUnreadable, reasonUnreadable, TooLarge } from "./unreadable.ts";

/** How a file is read. */
export interface Reading {
  /** Most bytes accepted; a file with more is unreadable. Without it 64 KiB. */
  readonly limit?: number;
  /** Take no more than `limit` from a longer file instead of refusing it. */
  readonly beginning?: true;
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

  async function attempt<T>(path: string, read: () => Promise<T>): Promise<T | undefined> {
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

  const tree: Tree = {
    bytes: (path, { limit = USUAL_LIMIT, beginning, scrub } = {}) =>
      attempt(path, async () => {
        const real = await paths.resolve(path);
        const raw = await readCapped(inside(root, real), limit, beginning === true);
        const content = scrub === undefined ? raw : scrub(raw);
        witness?.file(real, content);
        return content;
      }),
    async text(path, reading) {
      const content = await tree.bytes(path, reading);
      const text = content?.toString("utf8").replace(/^[\s\0]+|[\s\0]+$/g, "");
      return text === "" ? undefined : text;
    },
    async list(path) {
      const names = await attempt(path, async () => {
        const real = await paths.resolve(path);
        const entries = await readdir(inside(root, real), { withFileTypes: true });
        witness?.directory(real, entries);
        return entries.map((entry) => entry.name);
      });
      return names?.filter((name) => name !== EMPTY_MARK).sort(inNumericOrder);
    },
    link: (path) =>
      attempt(path, async () => {
        const slash = path.lastIndexOf("/");
        const directory = await paths.resolve(path.slice(0, slash));
        const target = await paths.target(joinInside(directory, path.slice(slash + 1)));
        return target === undefined ? undefined : joinInside(directory, target);
      }),
    refused: (path) => unreadable.has(path),
    unreadable: () => describeUnreadable(unreadable),
  };
  return tree;
}

/** Sysfs and procfs give their files no true size, so the size is found by reading, and never more than one byte past the limit. */
async function readCapped(path: string, limit: number, beginning: boolean): Promise<Buffer> {
  // O_NONBLOCK: what should be a file may be a pipe that nobody writes to.
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const most = beginning ? limit : limit + 1;
    let content = Buffer.alloc(Math.min(most, 4096));
    let length = 0;
    while (true) {
      const { bytesRead } = await file.read(content, length, content.length - length, null);
      length += bytesRead;
      if (bytesRead === 0 || length === most) break;
      if (length === content.length) {
        content = Buffer.concat([content, Buffer.alloc(Math.min(content.length, most - content.length))]);
      }
    }
    if (length > limit) throw new TooLarge(`larger than ${limit} bytes`);
    return content.subarray(0, length);
  } finally {
    await file.close();
  }
}

const inNumericOrder = new Intl.Collator("en", { numeric: true }).compare;
