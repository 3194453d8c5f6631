import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { messageOf, seconds, systemClock } from "@holdfast/runtime";
import type { Timeline } from "./timeline.ts";

const LAUNCHER = fileURLToPath(new URL("../../holdfast", import.meta.url));
const STARTS_WITHIN = seconds(90);
const STOPS_WITHIN = seconds(15);

export interface ProgramOptions {
  readonly name: string;
  /** What stands before the command, so that it runs where it shall. */
  readonly at: readonly string[];
  /** What follows `holdfast`. */
  readonly arguments: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** A file for all that it prints. */
  readonly log: string;
  /** Whether it does its work; may reject as long as it does not. */
  readonly isReady: (program: Program) => Promise<boolean> | boolean;
  readonly timeline: Timeline;
}

/** One of the three programs as `holdfast` starts it, that may be killed and started again. */
export class Program {
  readonly name: string;
  readonly log: string;
  readonly #options: ProgramOptions;
  #child: ChildProcess | undefined;
  #ended: Promise<void> = Promise.resolve();
  #isToEnd = false;
  #printedBefore = 0;
  #turn: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  /** Ends and starts that were not as they must be. */
  readonly complaints: string[] = [];

  constructor(options: ProgramOptions) {
    this.#options = options;
    this.name = options.name;
    this.log = options.log;
  }

  /** Undefined while it does not run. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Whether it has been started at all. */
  get hasRun(): boolean {
    return statSync(this.log, { throwIfNoEntry: false }) !== undefined;
  }

  /** Whether somebody is starting or ending it right now. */
  get isBusy(): boolean {
    return this.#waiting > 0;
  }

  /** What it has printed since its last start. */
  get printed(): string {
    return readFileSync(this.log).subarray(this.#printedBefore).toString("utf8");
  }

  /** Does something to it while nobody else does. */
  async alone<T>(work: () => Promise<T>): Promise<T> {
    this.#waiting += 1;
    const turn = this.#turn.then(work, work);
    this.#turn = turn.catch(() => undefined);
    try {
      return await turn;
    } finally {
      this.#waiting -= 1;
    }
  }

  /** Resolves when it does its work; does nothing when it runs. */
  async start(signal?: AbortSignal): Promise<void> {
    if (this.#child !== undefined) return;
    const { at, environment, timeline } = this.#options;
    this.#printedBefore = statSync(this.log, { throwIfNoEntry: false })?.size ?? 0;
    const output = openSync(this.log, "a", 0o600);
    const [file = process.execPath, ...list] = [...at, process.execPath, LAUNCHER, ...this.#options.arguments];
    // A group of its own: a terminal's Ctrl-C is for the soak, which then ends the programs.
    const child = spawn(file, list, { detached: true, env: environment, stdio: ["ignore", output, output] });
    closeSync(output);
    this.#child = child;
    this.#isToEnd = false;
    this.#ended = new Promise((resolve) => {
      child.once("error", (error) => this.#over(child, messageOf(error), resolve));
      child.once("exit", (code, by) => this.#over(child, by ? `by ${by}` : `with ${code}`, resolve));
    });
    const began = timeline.at;
    await this.#ready(signal);
    timeline.started(this.name, this.pid, timeline.at - began);
  }

  #over(child: ChildProcess, how: string, resolve: () => void): void {
    if (this.#child === child) this.#child = undefined;
    if (!this.#isToEnd) this.#complain(`${this.name} ended unasked ${how}`);
    resolve();
  }

  #complain(what: string): void {
    this.#options.timeline.note("complaint", this.name, { what });
    this.complaints.push(what);
  }

  async #ready(signal: AbortSignal | undefined): Promise<void> {
    const deadline = systemClock.monotonic() + STARTS_WITHIN;
    while (systemClock.monotonic() < deadline) {
      if (signal?.aborted || this.#child === undefined) return;
      const isReady = await Promise.resolve(this.#options.isReady(this)).catch(() => false);
      if (isReady) return;
      await systemClock.sleep(50);
    }
    this.#complain(`${this.name} was not ready ${STARTS_WITHIN / 1_000} s after its start`);
  }

  /** Ends it as a lack of memory or of power does. */
  async kill(): Promise<void> {
    this.#isToEnd = true;
    this.#child?.kill("SIGKILL");
    await this.#ended;
  }

  /** Ends it as a service manager does; that it ends with 0 and in time is required of it. */
  async stop(): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    this.#isToEnd = true;
    child.kill("SIGTERM");
    const late = setTimeout(() => {
      this.#complain(`${this.name} had not ended ${STOPS_WITHIN / 1_000} s after SIGTERM`);
      child.kill("SIGKILL");
    }, STOPS_WITHIN);
    await this.#ended;
    clearTimeout(late);
    if (child.signalCode === "SIGKILL" || child.exitCode === 0) return;
    this.#complain(`${this.name} ended ${child.signalCode ?? `with ${child.exitCode}`} at SIGTERM`);
  }

  /** It gets no processor any more, and its connections stay open. */
  freeze(): void {
    this.#child?.kill("SIGSTOP");
  }

  thaw(): void {
    this.#child?.kill("SIGCONT");
  }
}
