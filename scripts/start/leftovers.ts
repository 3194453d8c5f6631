import { readFileSync, rmSync } from "node:fs";
import { systemClock } from "@holdfast/runtime";
import { writePrivate } from "@holdfast/runtime/home";
import { readPrivate } from "./read-private.ts";

interface Started {
  readonly name: string;
  readonly pid: number;
  /** Field 22 of /proc/PID/stat: tells a process from a later one that got its number. */
  readonly since: string;
}

const ENDS_WITHIN = 15_000;

/** The programs that an `npm start` runs on a home, so that the next can end those of one that was killed. */
export class Leftovers {
  readonly #file: string;
  readonly #started: Started[] = [];

  constructor(home: string) {
    this.#file = `${home}/programs.json`;
  }

  add(name: string, pid: number): void {
    const since = startOf(pid);
    if (since === undefined) return;
    this.#started.push({ name, pid, since });
    writePrivate(this.#file, JSON.stringify(this.#started));
  }

  clear(): void {
    rmSync(this.#file, { force: true });
  }

  /** Ends what an earlier start left running. Only to be called by who holds the home. Answers the names. */
  async end(): Promise<string[]> {
    const left = (JSON.parse(readPrivate(this.#file) ?? "[]") as Started[]).filter(runs);
    for (const { pid } of left) process.kill(pid, "SIGTERM");
    const deadline = systemClock.monotonic() + ENDS_WITHIN;
    while (left.some(runs) && systemClock.monotonic() < deadline) await systemClock.sleep(50);
    for (const { pid } of left.filter(runs)) process.kill(pid, "SIGKILL");
    this.clear();
    return left.map(({ name }) => name);
  }
}

function runs({ pid, since }: Started): boolean {
  return startOf(pid) === since;
}

function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The program's name stands in parentheses and may hold anything; state is field 3.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" ? undefined : fields[19];
  } catch {
    return undefined;
  }
}
