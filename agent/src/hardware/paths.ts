import { readlink } from "node:fs/promises";
import { systemCode } from "@holdfast/runtime";
import { LeavesTree } from "./unreadable.ts";

const MOST_LINKS = 40; // as Linux: path_resolution(7)

/** Where a path in the tree lies on this machine. */
export function inside(root: string, path: string): string {
  return root === "/" ? path : root + path;
}

/** `target` as seen from the directory `from`, both in the tree's own terms. Throws LeavesTree when it climbs above the root. */
export function joinInside(from: string, target: string): string {
  const parts = target.startsWith("/") ? [] : from.split("/").filter(Boolean);
  for (const part of target.split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== "..") parts.push(part);
    else if (parts.pop() === undefined) throw new LeavesTree("leads out of the tree");
  }
  return `/${parts.join("/")}`;
}

/**
 * Resolves paths of one tree to paths without symbolic links, never leaving the tree: an absolute link starts at the
 * tree's root, as on the machine that the tree is of. Remembers what it has seen: sysfs is nearly all links.
 */
export class PathResolver {
  readonly #root: string;
  readonly #onLink: (path: string, target: string) => void;
  readonly #targets = new Map<string, Promise<string | undefined>>();

  constructor(root: string, onLink: (path: string, target: string) => void) {
    this.#root = root;
    this.#onLink = onLink;
  }

  /** What the link at this path, whose directory is already resolved, says; undefined when it is no link. */
  target(path: string): Promise<string | undefined> {
    const known = this.#targets.get(path);
    if (known !== undefined) return known;
    const reading = this.#readTarget(path);
    this.#targets.set(path, reading);
    return reading;
  }

  async #readTarget(path: string): Promise<string | undefined> {
    try {
      const target = await readlink(inside(this.#root, path));
      this.#onLink(path, target);
      return target;
    } catch (error) {
      if (systemCode(error) === "EINVAL") return undefined;
      throw error;
    }
  }

  /** The path with every link followed. Throws LeavesTree, or what the system says. */
  async resolve(path: string): Promise<string> {
    const pending = path.split("/").filter(Boolean).reverse();
    let at = "/";
    for (let links = 0; ; ) {
      const part = pending.pop();
      if (part === undefined) return at;
      const next = joinInside(at, part);
      const target = part === ".." ? undefined : await this.target(next);
      if (target === undefined) {
        at = next;
        continue;
      }
      links += 1;
      if (links > MOST_LINKS) throw Object.assign(new Error("too many symbolic links"), { code: "ELOOP" });
      if (target.startsWith("/")) at = "/";
      pending.push(...target.split("/").filter(Boolean).reverse());
    }
  }
}
