import { chmodSync, copyFileSync, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type Architecture, command } from "./command.ts";
import { inFixedDirectory } from "./fixed-directory.ts";
import type { BaseNode } from "./node-binary.ts";

export interface ExecutableOptions {
  readonly root: string;
  /** A home directory of pkg's own; its cache is below. */
  readonly home: string;
  readonly script: string;
  readonly bases: readonly BaseNode[];
  readonly architecture: Architecture;
  readonly path: string;
}

/** Puts a script into a base Node with `pkg --sea`, without the network: the bases are laid where pkg looks for them. */
export async function makeExecutable(options: ExecutableOptions): Promise<void> {
  const { root, home, script, bases, architecture, path } = options;
  for (const base of bases) seed(home, base);
  const base = bases.find((candidate) => candidate.architecture === architecture);
  if (base === undefined) throw new Error(`no base Node for ${architecture}`);
  // Three numbers in the target: with fewer pkg would ask the network which version is meant.
  const target = `node${base.version}-linux-${architecture}`;
  const pkg = join(root, "node_modules/@yao-pkg/pkg/lib-es5/bin.js");
  const environment = { PATH: `${dirname(process.execPath)}:${process.env.PATH}`, HOME: home };
  // An executable that runs cannot be written to, but a new one can take its place.
  const unfinished = `${path}.${process.pid}`;
  try {
    await inFixedDirectory((directory) => {
      const main = join(directory, "agent.cjs");
      copyFileSync(script, main);
      const made = join(directory, "agent");
      const list = [pkg, "--sea", "-t", target, "-o", made, main];
      const said = command(process.execPath, list, { directory, environment });
      if (!existsSync(made)) throw new Error(`pkg made no executable\n${said}`);
      copyFileSync(made, unfinished);
    });
    chmodSync(unfinished, 0o755);
    renameSync(unfinished, path);
  } finally {
    rmSync(unfinished, { force: true });
  }
}

/** The files ending in `.ok` tell pkg that it has downloaded, compared and unpacked already. */
function seed(home: string, { architecture, version, path }: BaseNode): void {
  const directory = join(home, ".pkg-cache/sea", `node-v${version}-linux-${architecture}`);
  const binary = join(directory, "bin/node");
  if (existsSync(`${binary}.ok`)) return;
  mkdirSync(dirname(binary), { recursive: true });
  copyFileSync(path, binary);
  chmodSync(binary, 0o755);
  for (const empty of [`${directory}.tar.gz`, `${directory}.tar.gz.ok`, `${binary}.ok`]) writeFileSync(empty, "");
}
