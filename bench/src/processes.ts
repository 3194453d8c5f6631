import { type ChildProcess, fork, spawn } from "node:child_process";
import { closeSync, openSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const REPOSITORY = fileURLToPath(new URL("../../", import.meta.url));
const MB = 1_000_000;

export interface Figures {
  /** Processor time of the threads that there are, user and system, since each began. */
  readonly cpuSeconds: number;
  /** Millions of bytes. */
  readonly residentMb: number;
  readonly peakResidentMb: number;
}

/** What the kernel says of a process. */
export function figuresOf(pid: number): Figures {
  // In nanoseconds, of each thread: the ticks of `/proc/PID/stat` are too coarse for a process that does next to nothing.
  const onProcessor = readdirSync(`/proc/${pid}/task`).map((thread) =>
    Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8").split(" ")[0]),
  );
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const kib = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(status)?.[1] ?? Number.NaN);
  return {
    cpuSeconds: onProcessor.reduce((sum, each) => sum + each, 0) / 1e9,
    residentMb: (kib("VmRSS") * 1024) / MB,
    peakResidentMb: (kib("VmHWM") * 1024) / MB,
  };
}

/** A process of this run. */
export interface Running extends AsyncDisposable {
  readonly pid: number;
}

/** A program as `holdfast` starts it; what it says goes to a file in its folder. */
export function startProgram(name: "hub" | "site" | "agent", given: readonly string[], log: string): Running {
  const descriptor = openSync(log, "a");
  const child = spawn(process.execPath, [`${REPOSITORY}holdfast`, name, ...given], {
    stdio: ["ignore", descriptor, descriptor],
    cwd: REPOSITORY,
  });
  closeSync(descriptor);
  return running(child);
}

/** Any other executable; undefined when it is not installed. */
export async function startExecutable(file: string, given: readonly string[]): Promise<Running | undefined> {
  const child = spawn(file, given, { stdio: "ignore" });
  const isThere = await new Promise<boolean>((resolve) => {
    child.once("spawn", () => resolve(true)).once("error", () => resolve(false));
  });
  return isThere ? running(child) : undefined;
}

function running(child: ChildProcess): Running {
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()).once("error", () => resolve()));
  return {
    get pid() {
      if (child.pid === undefined || child.exitCode !== null) throw new Error(`${child.spawnargs.join(" ")} has ended`);
      return child.pid;
    },
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      const late = setTimeout(() => child.kill("SIGKILL"), 15_000);
      await ended;
      clearTimeout(late);
    },
  };
}

/** A file of `workers/` in a process of its own, asked by name. */
export interface Worker extends Running {
  ask<T>(call: string, given?: unknown): Promise<T>;
}

interface Answer {
  readonly id: number;
  readonly result?: unknown;
  readonly error?: string;
}

/** Starts a worker with its options; resolves when it serves. */
export async function startWorker(name: string, options: unknown, flags: readonly string[] = []): Promise<Worker> {
  const file = fileURLToPath(new URL(`./workers/${name}.ts`, import.meta.url));
  const child = fork(file, [], { execArgv: [...flags], stdio: ["ignore", 2, 2, "ipc"] });
  const waiting = new Map<number, (answer: Answer) => void>();
  child.on("message", (answer: Answer) => waiting.get(answer.id)?.(answer));
  child.once("exit", (code) => {
    for (const answer of waiting.values()) answer({ id: 0, error: `the worker ${name} ended with ${code}` });
  });
  let asked = 0;
  async function ask<T>(call: string, given?: unknown): Promise<T> {
    const id = asked++;
    const answer = await new Promise<Answer>((resolve, reject) => {
      waiting.set(id, resolve);
      child.send({ id, call, given }, (error) => error && reject(error));
    });
    waiting.delete(id);
    if (answer.error !== undefined) throw new Error(`${name} ${call}: ${answer.error}`);
    return answer.result as T;
  }
  const process = running(child);
  try {
    await ask("start", options);
  } catch (error) {
    await process[Symbol.asyncDispose]();
    throw error;
  }
  return {
    ask,
    get pid() {
      return process.pid;
    },
    [Symbol.asyncDispose]: () => process[Symbol.asyncDispose](),
  };
}

/** Waits until something is so, asked every 50 ms. */
export async function until<T>(what: string, find: () => Promise<T | undefined> | T | undefined, seconds = 60) {
  const deadline = performance.now() + seconds * 1_000;
  for (;;) {
    const found = await find();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > deadline) throw new Error(`not within ${seconds} s: ${what}`);
    await pause(50);
  }
}

export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
