import { type ChildProcess, spawn } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const LAUNCHER = fileURLToPath(new URL("../../holdfast", import.meta.url));

/** One line of a program's log. */
export interface LogLine {
  readonly level: number;
  readonly msg: string;
  readonly [field: string]: unknown;
}

export const ERROR = 50;

/** How a process ended. */
export interface End {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** What must not outlive this process, however it ends. */
const living = new Set<ChildProcess>();
process.once("exit", () => {
  for (const child of living) child.kill("SIGKILL");
});

/** A program of `holdfast` as a process, started by the word `go`, so that it can be watched from its first call on. */
export class Running {
  readonly #child: ChildProcess;
  readonly ended: Promise<End>;
  #output = "";
  #end: End | undefined;

  constructor(...given: readonly string[]) {
    // The thread that runs JavaScript makes every call on files, and the pool's one the rest: strace counts by thread.
    // Compiled code is kept where Node keeps it by itself when it is told to: a program is started a thousand times.
    const env = { ...process.env, UV_THREADPOOL_SIZE: "1", NODE_COMPILE_CACHE: join(tmpdir(), "node-compile-cache") };
    this.#child = spawn("sh", ["-c", 'read -r go && exec "$@"', "sh", process.execPath, LAUNCHER, ...given], {
      env,
      stdio: ["pipe", "pipe", "pipe"],
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => {
        this.#output += text;
      });
    }
    living.add(this.#child);
    this.#child.stdin?.on("error", () => undefined);
    this.ended = new Promise((resolve) =>
      this.#child.once("close", (code, signal) => {
        this.#end = { code, signal };
        living.delete(this.#child);
        resolve(this.#end);
      }),
    );
  }

  go(): this {
    this.#child.stdin?.end("go\n");
    return this;
  }

  get pid(): number {
    if (this.#child.pid === undefined) throw new Error("the program could not be started");
    return this.#child.pid;
  }

  /** Undefined while it runs. */
  get end(): End | undefined {
    return this.#end;
  }

  /** All that it has said. */
  get output(): string {
    return this.#output;
  }

  /** The lines of its log; what is none of them (a last word before it ends) is left out. */
  get log(): LogLine[] {
    return this.#output.split("\n").flatMap((line) => {
      try {
        const read: unknown = JSON.parse(line);
        return typeof read === "object" && read !== null && "msg" in read ? [read as LogLine] : [];
      } catch {
        return [];
      }
    });
  }

  /** Resolves to the first line with this message; rejects when it ends without. */
  async says(message: string, within = 150_000): Promise<LogLine> {
    const deadline = performance.now() + within;
    for (;;) {
      const line = this.log.find(({ msg }) => msg === message);
      if (line) return line;
      if (this.#end) throw new Error(`it ended (${JSON.stringify(this.#end)}) before "${message}":\n${this.#output}`);
      if (performance.now() > deadline) throw new Error(`it has not said "${message}":\n${this.#output}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  kill(signal: NodeJS.Signals): Promise<End> {
    this.#child.kill(signal);
    return this.ended;
  }
}
