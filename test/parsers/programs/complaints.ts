import { createLog, type Log } from "@holdfast/runtime";
import { Broken } from "../target.ts";

const ERROR = 50;
const WARNING = 40;

/** What a program says in its log that a person must act on: no input may make it say so. */
export class Complaints {
  readonly #said: string[] = [];
  #latest: readonly string[] = [];
  readonly #warnings = new Map<string, number>();
  readonly log: Log;

  /** Warnings in which this is found count, too. */
  constructor(warning?: RegExp) {
    this.log = createLog("fuzzed", "warn", {
      write: (line) => {
        this.#latest = [...this.#latest, line.trim()].slice(-5);
        const { level, msg } = JSON.parse(line) as { readonly level: number; readonly msg: string };
        this.#warnings.set(msg, (this.#warnings.get(msg) ?? 0) + 1);
        if (level >= ERROR || (level === WARNING && warning?.test(line))) this.#said.push(line.trim());
      },
    });
  }

  /** The latest warnings, which may say why something does not hold. */
  get latest(): string {
    return this.#latest.join("\n");
  }

  /** How often it has said this. */
  times(message: string): number {
    return this.#warnings.get(message) ?? 0;
  }

  /** Throws when there has been one since it was last asked. */
  none(): void {
    const [first] = this.#said.splice(0);
    if (first !== undefined) throw new Broken(`it complains: ${first}`);
  }
}
