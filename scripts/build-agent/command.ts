import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";

export const ARCHITECTURES = ["x64", "arm64"] as const;
export type Architecture = (typeof ARCHITECTURES)[number];

export interface CommandOptions {
  readonly directory?: string;
  readonly environment?: NodeJS.ProcessEnv;
  /** What to do when the command is not there. */
  readonly missing?: string;
}

/** Runs a command to its end; its standard output. Throws with what it said when it fails. */
export function command(file: string, list: readonly string[], options: CommandOptions = {}): string {
  const { directory, environment = process.env, missing } = options;
  const done = spawnSync(file, [...list], { cwd: directory, env: environment, encoding: "utf8", maxBuffer: 64 << 20 });
  if (done.error && "code" in done.error && done.error.code === "ENOENT" && missing) throw new Error(missing);
  if (done.error) throw done.error;
  if (done.status !== 0)
    throw new Error(`${file} ${list.join(" ")}: ended with ${done.status}\n${done.stdout}${done.stderr}`);
  return done.stdout;
}

export function sha256Of(content: Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}
