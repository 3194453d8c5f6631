import type { LogLine } from "./judge-commands.ts";

const ERROR = 50;

/** Errors that a person need not act on here, by message, each with the reason why. */
const EXPECTED: Readonly<Record<string, string>> = {};

/** The lines of a log; text that is none is kept under `printed`. */
export function readLog(text: string): LogLine[] {
  return text.split("\n").flatMap((line) => {
    if (line === "") return [];
    try {
      return [JSON.parse(line) as LogLine];
    } catch {
      return [{ printed: line }];
    }
  });
}

/** What a program said that it never should: errors, and whatever is no line of a log, such as the trace of a crash. */
export function judgeLog(name: string, lines: readonly LogLine[]): string[] {
  return lines.flatMap((line) => {
    if (typeof line.printed === "string") return [`${name} printed: ${line.printed}`];
    const isError = Number(line.level) >= ERROR && EXPECTED[String(line.msg)] === undefined;
    return isError ? [`${name}: ${JSON.stringify(line)}`] : [];
  });
}
