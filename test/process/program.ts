import { type ChildProcess, execFile, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { onTestFinished } from "vitest";

const LAUNCHER = fileURLToPath(new URL("../../holdfast", import.meta.url));
const execute = promisify(execFile);

/** Runs a command of `holdfast` to its end and answers what it prints; rejects, with `stderr`, when it fails. */
export async function holdfast(...given: readonly string[]): Promise<string> {
  return (await execute(LAUNCHER, given)).stdout;
}

/** A program of `holdfast` that runs, as a service manager would start it. It ends with the test at the latest. */
export class Program {
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  #output = "";

  constructor(...given: readonly string[]) {
    this.#child = spawn(LAUNCHER, given, { stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding("utf8").on("data", (text) => {
        this.#output += text;
      });
    }
    this.#ended = new Promise((resolve) => this.#child.once("close", resolve));
    onTestFinished(() => this.end("SIGKILL"));
  }

  /** All that it has said. */
  get output(): string {
    return this.#output;
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    this.#child.kill(signal);
    await this.#ended;
  }
}

/** Asks again and again until the answer is not undefined, bounded. A failure is asked again too. */
export async function waitFor<T>(what: string, ask: () => Promise<T | undefined> | T | undefined): Promise<T> {
  const deadline = performance.now() + 30_000;
  let last: unknown;
  while (performance.now() < deadline) {
    try {
      const found = await ask();
      if (found !== undefined) return found;
    } catch (error) {
      last = error;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`waited for too long: ${what}`, { cause: last });
}
