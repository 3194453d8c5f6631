import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync, renameSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Fault, messageOf, systemClock } from "@holdfast/runtime";
import { Leftovers } from "./leftovers.ts";

const LAUNCHER = fileURLToPath(new URL("../../holdfast", import.meta.url));
const LOG_KEPT = 10 * 1024 * 1024;
const ANSWERS_WITHIN = 30_000;
const STOPS_WITHIN = 15_000;

interface Running {
  readonly name: string;
  readonly child: ChildProcess;
  readonly ended: Promise<void>;
}

/** The programs of one start, each with its log under the home; the last started is the first stopped. */
export class Children {
  /** Rejects when a program ends unasked, resolves when a stop is asked for. */
  readonly failed: Promise<void>;
  readonly #home: string;
  readonly #environment: NodeJS.ProcessEnv;
  readonly #leftovers: Leftovers;
  readonly #running: Running[] = [];
  readonly #settle: { resolve: () => void; reject: (error: Error) => void };
  #stopping = false;

  constructor(home: string, environment: NodeJS.ProcessEnv) {
    this.#home = home;
    this.#leftovers = new Leftovers(home);
    // A variable that is meant for this command means something else to a program, or to all of them at once.
    const own = Object.entries(environment).filter(([name]) => !name.startsWith("HOLDFAST_"));
    this.#environment = Object.fromEntries(own);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.failed = promise;
    this.#settle = { resolve, reject };
    this.failed.catch(() => undefined);
  }

  /** Ends what an earlier start that was killed has left running on this home. */
  async endLeftovers(): Promise<void> {
    const names = await this.#leftovers.end();
    if (names.length > 0) console.error(`holdfast: ended what an earlier start left running: ${names.join(", ")}`);
  }

  start(name: string, arguments_: readonly string[]): void {
    const log = `${this.#home}/${name}.log`;
    keepShort(log);
    const begins = sizeOf(log);
    const output = openSync(log, "a", 0o600);
    // A group of its own: a terminal's Ctrl-C reaches this process alone, which then stops the programs in order.
    const child = spawn(process.execPath, [LAUNCHER, ...arguments_], {
      detached: true,
      env: this.#environment,
      stdio: ["ignore", output, output],
    });
    closeSync(output);
    if (child.pid !== undefined) this.#leftovers.add(name, child.pid);
    const ended = new Promise<void>((resolve) => {
      child.once("error", (error) => this.#settle.reject(error));
      child.once("exit", (code, signal) => {
        resolve();
        if (this.#stopping) return;
        const how = signal ? `was ended by ${signal}` : `ended with code ${code}${lastWords(log, begins)}`;
        this.#settle.reject(new Fault("Internal", `the ${name} ${how}\n  ${log} has more`));
      });
    });
    this.#running.push({ name, child, ended });
  }

  /** Waits until a program has written its URL and answers there. */
  async answers(name: string, url: () => string | undefined, path: string): Promise<string> {
    const deadline = systemClock.monotonic() + ANSWERS_WITHIN;
    let failure = "it has written no address";
    while (systemClock.monotonic() < deadline) {
      await Promise.race([systemClock.sleep(50), this.failed]);
      if (this.#stopping) throw new Fault("Aborted", "stopped");
      const base = url();
      if (base === undefined) continue;
      try {
        if ((await fetch(`${base}${path}`)).ok) return base;
      } catch (error) {
        failure = messageOf(error);
        // The Fetch standard's list of ports that are another service's: sites could not reach a hub there either.
        if (failure.includes("bad port")) break;
      }
    }
    throw new Fault("DeadlineExceeded", `the ${name} does not answer at ${url() ?? "any address"}: ${failure}`);
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
    this.#leftovers.clear();
  }
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

function keepShort(log: string): void {
  if (sizeOf(log) > LOG_KEPT) renameSync(log, `${log}.1`);
}

/** What a program said of its end: the last plain line, or the last error that it logged. */
function lastWords(log: string, begins: number): string {
  const lines = readFileSync(log).subarray(begins).toString("utf8").trim().split("\n").reverse();
  for (const line of lines) {
    if (line !== "" && !line.startsWith("{")) return `: ${line}`;
    try {
      const { level, msg, err } = JSON.parse(line) as { level: number; msg?: string; err?: { message?: string } };
      if (level >= 50) return `: ${[msg, err?.message].filter(Boolean).join(": ")}`;
    } catch {
      // A line that was cut short says nothing.
    }
  }
  return "";
}
