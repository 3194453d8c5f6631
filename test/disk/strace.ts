import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** What the kernel does to a call: the process dies before it, or it fails and nothing is done. */
export type Fault = "kill" | "eio" | "enospc";

/** The calls by which these programs change what is on a disk. */
export const CALLS = ["pwrite64", "write", "fsync", "fdatasync", "ftruncate", "rename", "unlink"] as const;
export type CallName = (typeof CALLS)[number];

/** One call that a program made on one of its files. */
export interface Call {
  readonly name: CallName;
  readonly path: string;
  readonly struck: boolean;
}

export interface Injection {
  readonly fault: Fault;
  readonly calls: readonly CallName[];
  /** The first of each of the calls that is struck, from 1. */
  readonly at: number;
  /** Whether all that follow are struck too, for as long as the trace lasts. */
  readonly reach: "once" | "lasting";
}

export interface Tracing {
  readonly pid: number;
  /** Calls on any other file (sockets, logs) are neither seen nor struck. */
  readonly paths: readonly string[];
  /** Where strace writes. */
  readonly output: string;
  readonly injection?: Injection;
}

const EFFECT: Readonly<Record<Fault, string>> = { kill: "signal=SIGKILL", eio: "error=EIO", enospc: "error=ENOSPC" };
const ATTACHED_WITHIN = 20_000;

/** Whether a process of ours may be traced here, and why not. */
export function whyNoTrace(): string | undefined {
  const { error, status, stderr } = spawnSync("strace", ["-o", "/dev/null", "true"], { encoding: "utf8" });
  if (error) return "strace is not installed (Debian: strace)";
  if (status !== 0) return `strace may not trace here: ${stderr.trim()}`;
  // Attaching to a process that is no child of strace's needs more rights than starting one under it.
  const other = spawn("sleep", ["30"], { stdio: "ignore" });
  const attach = spawnSync("timeout", ["-s", "INT", "0.5", "strace", "-o", "/dev/null", "-p", String(other.pid)], {
    encoding: "utf8",
  });
  other.kill("SIGKILL");
  return /attached/.test(attach.stderr) ? undefined : `strace may not attach here: ${attach.stderr.trim()}`;
}

/** A strace that watches a running process, and may make its calls fail. It is over when it was detached or the process has ended. */
export class Strace {
  readonly #child: ChildProcess;
  readonly #output: string;
  readonly #ended: Promise<void>;

  private constructor(child: ChildProcess, output: string) {
    this.#child = child;
    this.#output = output;
    this.#ended = new Promise((resolve) => child.once("close", () => resolve()));
  }

  /** Resolves when the process is watched. */
  static async attach({ pid, paths, output, injection }: Tracing): Promise<Strace> {
    const calls = injection ? [...new Set([...CALLS, ...injection.calls])] : CALLS;
    const child = spawn(
      "strace",
      [
        ...["-f", "-y", "-s", "0", "-o", output, "-e", `trace=${calls.join(",")}`, "-e", "signal=none"],
        ...paths.flatMap((path) => ["-P", path]),
        ...(injection ? ["-e", expression(injection)] : []),
        ...["-p", String(pid)],
      ],
      { stdio: ["ignore", "ignore", "pipe"] },
    );
    const strace = new Strace(child, output);
    let said = "";
    await new Promise<void>((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`strace did not attach: ${said}`)), ATTACHED_WITHIN);
      child.once("error", reject);
      child.once("close", () => reject(new Error(`strace ended: ${said}`)));
      child.stderr?.setEncoding("utf8").on("data", (text: string) => {
        said += text;
        if (!/attached/.test(said)) return;
        clearTimeout(late);
        resolve();
      });
    });
    return strace;
  }

  /** What was called until now, in order. */
  calls(): Call[] {
    return readCalls(readFileSync(this.#output, "utf8"));
  }

  /** Lets the process go on by itself; nothing is injected any more when this resolves. */
  async detach(): Promise<void> {
    this.#child.kill("SIGINT");
    await this.#ended;
  }
}

function expression({ fault, calls, at, reach }: Injection): string {
  return `inject=${calls.join(",")}:${EFFECT[fault]}:when=${at}${reach === "lasting" ? "+" : ""}`;
}

/** The calls in what strace wrote; a call that another thread interrupted is told by its beginning. */
export function readCalls(text: string): Call[] {
  return text.split("\n").flatMap((line) => {
    const [, name, path] = /^\d+ +(\w+)\((?:\d+<([^>]+)>|.*)/.exec(line) ?? [];
    if (name === undefined || !isCall(name)) return [];
    // `unlink("/path")`, `rename("/from", "/to")`: -P looks at the first alone.
    const named = path ?? /"([^"]*)"/.exec(line)?.[1];
    return named === undefined ? [] : [{ name, path: named, struck: line.includes("(INJECTED)") }];
  });
}

function isCall(name: string): name is CallName {
  return (CALLS as readonly string[]).includes(name);
}
