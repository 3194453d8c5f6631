import { createHash } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type Architecture, command } from "./command.ts";

export interface BaseOptions {
  readonly root: string;
  /** Where stripped binaries are kept between builds, by the hash of the package they came from. */
  readonly cache: string;
  readonly architecture: Architecture;
}

/** A stock Node binary without its symbols, to put the agent into. */
export interface BaseNode {
  readonly architecture: Architecture;
  readonly version: string;
  readonly path: string;
}

/** GNU names of what strips for a machine that is not ours, and the Debian packages that have them. */
const STRIP = {
  x64: { name: "x86_64-linux-gnu-strip", debian: "binutils-x86-64-linux-gnu" },
  arm64: { name: "aarch64-linux-gnu-strip", debian: "binutils-aarch64-linux-gnu" },
} as const;

/**
 * The Node binary that package-lock.json pins for an architecture, stripped. It comes from node_modules where npm has
 * installed it, and from the registry otherwise; in both cases its package has the sha512 of the lock file, or this throws.
 */
export function baseNode({ root, cache, architecture }: BaseOptions): BaseNode {
  const name = `node-linux-${architecture}`;
  const { version, integrity } = locked(join(root, "package-lock.json"), name);
  const path = join(cache, `${name}-${digestName(integrity)}`);
  if (!existsSync(path)) {
    mkdirSync(cache, { recursive: true });
    const unfinished = `${path}.${process.pid}`;
    try {
      copyFileSync(installed(root, name, integrity) ?? fetched({ cache, name, version, integrity }), unfinished);
      strip(architecture, unfinished);
      renameSync(unfinished, path);
    } finally {
      rmSync(unfinished, { force: true });
    }
  }
  return { architecture, version, path };
}

interface Locked {
  readonly version: string;
  readonly integrity: string;
}

function locked(file: string, name: string): Locked {
  const { packages } = JSON.parse(readFileSync(file, "utf8")) as { packages: Record<string, Partial<Locked>> };
  const { version, integrity } = packages[`node_modules/${name}`] ?? {};
  if (version === undefined || !integrity?.startsWith("sha512-")) throw new Error(`${file} pins no sha512 of ${name}`);
  return { version, integrity };
}

/** npm notes in node_modules what it unpacked, after comparing it. */
function installed(root: string, name: string, integrity: string): string | undefined {
  const path = join(root, "node_modules", name, "bin/node");
  const note = join(root, "node_modules/.package-lock.json");
  if (!existsSync(path) || !existsSync(note)) return undefined;
  return locked(note, name).integrity === integrity ? path : undefined;
}

function fetched({ cache, name, version, integrity }: Locked & { cache: string; name: string }): string {
  // `npm install` of another architecture's package is refused; `npm pack` asks no questions.
  const list = ["pack", "--silent", "--prefer-offline", "--pack-destination", cache, `${name}@${version}`];
  const archive = join(cache, command("npm", list).trim().split("\n").at(-1) ?? "");
  const got = `sha512-${createHash("sha512").update(readFileSync(archive)).digest("base64")}`;
  if (got !== integrity) {
    rmSync(archive);
    throw new Error(`${name}@${version} is ${got}, package-lock.json says ${integrity}`);
  }
  const directory = join(cache, `${name}-unpacked`);
  mkdirSync(directory, { recursive: true });
  command("tar", ["xzf", archive, "-C", directory, "--strip-components=1", "package/bin/node"]);
  return join(directory, "bin/node");
}

/** Before anything is put into it: stripping afterwards would take the agent out again. */
function strip(architecture: Architecture, path: string): void {
  const { name, debian } = STRIP[architecture];
  const [tool, owner] = process.arch === architecture ? ["strip", "binutils"] : [name, debian];
  const missing = `${tool} is not installed; without it the executable would be another one (Debian: apt-get install ${owner})`;
  command(tool, [path], { missing });
}

function digestName(integrity: string): string {
  return Buffer.from(integrity.slice("sha512-".length), "base64").toString("hex").slice(0, 16);
}
