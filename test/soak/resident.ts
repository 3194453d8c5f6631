import { readFileSync } from "node:fs";
import { seconds, systemClock } from "@holdfast/runtime";
import type { Program } from "./program.ts";

const EVERY = seconds(5);
const COLUMNS = 8;

interface Sample {
  /** Milliseconds since the first. */
  readonly at: number;
  readonly mebibytes: number;
}

/** How much memory each program has had, over time. */
export class Resident {
  readonly #programs: readonly Program[];
  readonly #samples = new Map<string, Sample[]>();
  readonly #began = systemClock.monotonic();

  constructor(programs: readonly Program[]) {
    this.#programs = programs;
  }

  async watch(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      for (const { name, pid } of this.#programs) {
        const mebibytes = pid === undefined ? undefined : residentOf(pid);
        if (mebibytes === undefined) continue;
        const samples = this.#samples.get(name) ?? [];
        samples.push({ at: systemClock.monotonic() - this.#began, mebibytes });
        this.#samples.set(name, samples);
      }
      await systemClock.sleep(EVERY, signal).catch(() => undefined);
    }
  }

  /** A line for each program: the highest of each stretch of time, in MiB. */
  table(): string {
    const span = (systemClock.monotonic() - this.#began) / COLUMNS;
    const rows = [...this.#samples].map(([name, samples]) => {
      const cells = Array.from({ length: COLUMNS }, (_, column) => {
        const inside = samples.filter(({ at }) => Math.min(COLUMNS - 1, Math.floor(at / span)) === column);
        const highest = Math.max(...inside.map(({ mebibytes }) => mebibytes));
        return (inside.length === 0 ? "–" : highest.toFixed(0)).padStart(6);
      });
      return `  ${name.padEnd(18)}${cells.join("")}`;
    });
    const head = `resident memory, MiB, the highest in each ${(span / 1_000).toFixed(0)} s:`;
    return [head, ...rows].join("\n");
  }
}

function residentOf(pid: number): number | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    const kibibytes = /^VmRSS:\s+(\d+) kB/m.exec(status)?.[1];
    return kibibytes === undefined ? undefined : Number(kibibytes) / 1_024;
  } catch {
    return undefined;
  }
}
