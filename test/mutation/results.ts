// A plugin of Stryker's that writes down each result when it is known, so that a run that is broken off has told what it found.
import { appendFileSync } from "node:fs";
import { fromRoot } from "./sample.ts";

/** What came of one change. */
export interface Result {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** Stryker's name for the sort of change, and what was written instead. */
  readonly mutator: string;
  readonly replacement: string;
  readonly status: "Killed" | "Timeout" | "Survived" | "NoCoverage" | "Ignored" | "RuntimeError" | "CompileError";
}

/** What Stryker says of a change when it has been tried. */
interface Tested {
  readonly fileName: string;
  readonly location: { readonly start: { readonly line: number; readonly column: number } };
  readonly mutatorName: string;
  readonly replacement?: string;
  readonly status: Result["status"];
}

class Lines {
  onMutantTested({ fileName, location, mutatorName, replacement = "", status }: Tested): void {
    const { line, column } = location.start;
    const result: Result = { file: fromRoot(fileName), line, column, mutator: mutatorName, replacement, status };
    appendFileSync(process.env.MUTATE_RESULTS ?? "mutants.jsonl", `${JSON.stringify(result)}\n`);
  }
}

export const strykerPlugins = [{ kind: "Reporter", name: "lines", injectableClass: Lines }];

/** What a run came to, a line for each file, and each change that no test has noticed. */
export function told(results: readonly Result[]): string {
  const tried = results.filter(({ status }) => status !== "Ignored");
  const files = [...new Set(tried.map(({ file }) => file))].sort();
  const lines = files.map((file) =>
    row(
      file,
      tried.filter((each) => each.file === file),
    ),
  );
  const alive = tried.filter(isAlive).map(sentenceOf).sort();
  return [HEADING, ...lines, row("all", tried), "", ...alive].join("\n");
}

/** Whether no test has noticed: those of a line that no test comes to among them. */
function isAlive({ status }: Result): boolean {
  return status === "Survived" || status === "NoCoverage";
}

function sentenceOf({ file, line, column, mutator, replacement, status }: Result): string {
  const unseen = status === "NoCoverage" ? ", where no test comes" : "";
  return `${file}:${line}:${column} ${mutator}: ${replacement.replaceAll(/\s+/g, " ").slice(0, 100)}${unseen}`;
}

const HEADING = cells("", ["mutants", "killed", "survived", "not covered"]);

function row(name: string, results: readonly Result[]): string {
  const count = (...statuses: Result["status"][]) => results.filter(({ status }) => statuses.includes(status)).length;
  const numbers = [results.length, count("Killed", "Timeout", "RuntimeError"), count("Survived"), count("NoCoverage")];
  return cells(name, numbers.map(String));
}

function cells(name: string, numbers: readonly string[]): string {
  return [name.padEnd(48), ...numbers.map((number) => number.padStart(12))].join("");
}
