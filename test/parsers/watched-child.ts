import { fork } from "node:child_process";
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, readSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { LIMITS, type Order, readStep, type Said, type Step, writeStep } from "./order.ts";

/** How often a child is looked at, milliseconds. */
const LOOK_EVERY = 100;
/** What a child may take at most before the first input and after the last, milliseconds of processor time. */
const PREPARES_WITHIN = 30_000;
/** Its memory: an input that makes it ask for more ends it. */
const HEAP_MEGABYTES = 768;
const TICK = 10;

export interface Watching {
  /** An input that is neither answered nor computed on for so long never is, milliseconds. */
  readonly answerWithin: number;
}

/**
 * Has an order carried out by a process of its own, and tells what came of it, also when that process ends itself, is out of
 * memory, or does not come back from an input: by the processor time of its main thread, so that a machine that is busy
 * otherwise makes nothing look like a hang.
 */
export async function carryOut(given: Omit<Order, "progress">, { answerWithin }: Watching): Promise<Said> {
  const folder = mkdtempSync(`${inMemory()}/holdfast-parsers-`);
  const progress = `${folder}/progress`;
  writeFileSync(progress, writeStep({ is: "opening" }));
  const child = fork(new URL("./child.ts", import.meta.url).pathname, [], {
    execArgv: ["--expose-gc", "--max-semi-space-size=64", `--max-old-space-size=${HEAP_MEGABYTES}`],
    // What the engine says when it dies of memory is long and says nothing more.
    stdio: ["ignore", "ignore", "pipe", "ipc"],
    // Each child would compile the same programs anew.
    env: { ...process.env, TMPDIR: folder, NODE_COMPILE_CACHE: compiled() },
  });
  const complaints = lastWords(child.stderr);
  const file = openSync(progress, "r");
  const step = (): Step => {
    const bytes = new Uint8Array(8);
    readSync(file, bytes, 0, 8, 0);
    return readStep(bytes);
  };
  let said: Said | undefined;
  const watch = setInterval(() => {
    const why = child.pid === undefined ? undefined : look(child.pid, step());
    if (why === undefined || said) return;
    said = { is: "failed", at: step(), why };
    child.kill("SIGKILL");
  }, LOOK_EVERY);
  const look = watcher(answerWithin);
  try {
    child.once("message", (message: Said) => {
      said ??= message;
    });
    child.send({ ...given, progress } satisfies Order);
    const [code, signal] = await new Promise<[number | null, string | null]>((resolve, reject) => {
      child.once("error", reject);
      child.once("exit", (...ending) => resolve(ending));
    });
    const why = `the process ended by itself: ${signal ?? `exit ${code}`}\n${complaints()}`;
    return said ?? { is: "failed", at: step(), why };
  } finally {
    clearInterval(watch);
    closeSync(file);
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Says why a child is to be given up, when it is. */
function watcher(answerWithin: number): (pid: number, step: Step) => string | undefined {
  let seen: { readonly step: string; readonly processor: number; moved: number; latest: number } | undefined;
  return (pid, step) => {
    const [name, processor, now] = [JSON.stringify(step), processorTime(pid), performance.now()];
    if (processor === undefined) return undefined;
    if (seen?.step !== name) {
      seen = { step: name, processor, moved: now, latest: processor };
      return undefined;
    }
    if (processor > seen.latest) [seen.latest, seen.moved] = [processor, now];
    const isInput = "number" in step;
    const taken = processor - seen.processor;
    if (taken > (isInput ? LIMITS.milliseconds : PREPARES_WITHIN)) {
      return `it does not come back: ${taken} ms of processor time and more`;
    }
    return now - seen.moved > answerWithin ? `it is not answered, and nobody works on it` : undefined;
  };
}

/** Of a process' main thread, milliseconds (proc_pid_stat(5): utime and stime, in ticks). */
function processorTime(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/task/${pid}/stat`, "utf8");
    const [user = 0, system = 0] = stat
      .slice(stat.lastIndexOf(")") + 2)
      .split(" ")
      .slice(11, 13)
      .map(Number);
    return (user + system) * TICK;
  } catch {
    return undefined;
  }
}

/** What a process has written last. */
function lastWords(stream: NodeJS.ReadableStream | null): () => string {
  let text = "";
  stream?.on("data", (chunk: Buffer) => {
    text = `${text}${chunk.toString()}`.slice(-2_000);
  });
  return () => text.trim();
}

/** Nothing that is written here has to outlive anything, and waiting for disks would be most of the work. */
function inMemory(): string {
  return existsSync("/dev/shm") ? "/dev/shm" : tmpdir();
}

let compiledIn: string | undefined;

/** Where the compiled programs of all children are, for as long as this process runs. */
function compiled(): string {
  if (compiledIn === undefined) {
    const folder = mkdtempSync(`${inMemory()}/holdfast-compiled-`);
    process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
    compiledIn = folder;
  }
  return compiledIn;
}
