import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync, renameSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Fault, systemClock } from "@holdfast/runtime";

const LAUNCHER = fileURLToPath(new URL("../../holdfast", import.meta.url));
const LOG_KEPT = 10 * 1024 * 1024;
const ANSWERS_WITHIN = 30_000;
const STOPS_WITHIN = 15_000;

/** The programs of one start, each with its log under the home; the last started is the first stopped. */
export class Children {
  /** Rejects when a program ends unasked, resolves when a stop is asked for. */
  readonly failed: Promise<void>;
  readonly #home: string;
  readonly #running: { name: string; child: ChildProcess; ended: Promise<void> }[] = [];
  #stopping = false;
  #settle: { resolve: () => void; reject: (error: Error) => void };

  constructor(home: string) {
    this.#home = home;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.failed = promise;
    this.#settle = { resolve, reject };
    this.failed.catch(() => undefined);
  }

  start(name: string, arguments_: readonly string[]): void {
    const log = `${this.#home}/${name}.log`;
    keepShort(log);
    const begins = sizeOf(log);
    const output = openSync(log, "a", 0o600);
    // A group of its own: a terminal's Ctrl-C reaches this process alone, which then stops the programs in order.
    const child = spawn(process.execPath, [LAUNCHER, ...arguments_], {
      detached: true,
      stdio: ["ignore", output, output],
    });
    closeSync(output);
    const ended = new Promise<void>((resolve) => {
      child.once("error", (error) => this.#settle.reject(error));
      child.once("exit", (code, signal) => {
        resolve();
        if (this.#stopping) return;
        const said = lastWords(log, begins);
        this.#settle.reject(
          new Fault("Internal", `the ${name} ended (${signal ?? `code ${code}`}): ${said}\n  ${log} has more`),
        );
      });
    });
    this.#running.push({ name, child, ended });
  }

  /** Waits until a program has written its URL and answers there. */
  async answers(name: string, url: () => string | undefined, path: string): Promise<string> {
    const deadline = systemClock.monotonic() + ANSWERS_WITHIN;
    while (systemClock.monotonic() < deadline) {
      await Promise.race([systemClock.sleep(50), this.failed]);
      if (this.#stopping) throw new Fault("Aborted", "stopped");
      const base = url();
      if (base === undefined) continue;
      const response = await fetch(`${base}${path}`).catch(() => undefined);
      if (response?.ok) return base;
    }
    throw new Fault("DeadlineExceeded", `the ${name} did not answer within ${ANSWERS_WITHIN / 1000} s`);
  }

  /** Whoever waits for the programs stops waiting. */
  abandon(): void {
    this.#stopping = true;
    this.#settle.resolve();
  }

  async stop(): Promise<void> {
    this.abandon();
    for (const { name, child, ended } of this.#running.reverse()) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.kill("SIGTERM");
      const late = setTimeout(() => {
        console.error(`holdfast: the ${name} did not stop within ${STOPS_WITHIN / 1000} s and was ended`);
        child.kill("SIGKILL");
      }, STOPS_WITHIN);
      await ended;
      clearTimeout(late);
    }
  }
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

function keepShort(log: string): void {
  if (sizeOf(log) > LOG_KEPT) renameSync(log, `${log}.1`);
}

/** The last thing a program said since it was started: the sentence of its last log line, or its last plain line. */
function lastWords(log: string, begins: number): string {
  const lines = readFileSync(log).subarray(begins).toString("utf8").trim().split("\n");
  const last = lines.at(-1) ?? "";
  try {
    const { msg, err } = JSON.parse(last) as { msg?: string; err?: { message?: string } };
    return [msg, err?.message].filter(Boolean).join(": ");
  } catch {
    return last || "without a word";
  }
}
