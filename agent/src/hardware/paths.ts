import { readlinkSync } from "node:fs";
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
  readonly #targets = new Map<string, string | undefined>();
  readonly #directories = new Map<string, string>();

  constructor(root: string, onLink: (path: string, target: string) => void) {
    this.#root = root;
    this.#onLink = onLink;
  }

  /** What the link at this path, whose directory is already resolved, says; undefined when it is no link. */
  target(path: string): string | undefined {
    if (!this.#targets.has(path)) this.#targets.set(path, this.#readTarget(path));
    return this.#targets.get(path);
  }

  #readTarget(path: string): string | undefined {
    try {
      const target = readlinkSync(inside(this.#root, path));
      this.#onLink(path, target);
      return target;
    } catch (error) {
      if (systemCode(error) === "EINVAL") return undefined;
      throw error;
    }
  }

  /** The path with the links in its directory followed, but not what it leads to itself. Throws as `resolve`. */
  resolveDirectory(path: string): string {
    const slash = path.lastIndexOf("/");
    const directory = path.slice(0, slash);
    const resolved = this.#directories.get(directory) ?? this.resolve(directory);
    this.#directories.set(directory, resolved);
    return joinInside(resolved, path.slice(slash + 1));
  }

  /** The path with every link followed. Throws LeavesTree, or what the system says. */
  resolve(path: string): string {
    const pending = path.split("/").filter(Boolean).reverse();
    let at = "/";
    for (let links = 0; ; ) {
      const part = pending.pop();
      if (part === undefined) return at;
      const next = joinInside(at, part);
      const target = part === ".." ? undefined : this.target(next);
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
