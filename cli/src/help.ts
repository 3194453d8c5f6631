import type { Command, Option } from "./command.ts";

/** What `holdfast NAME --help` prints. */
export function commandHelp(name: string, { purpose, operands, options, more }: Command): string {
  const rows = Object.entries({ ...options, help: { says: "this text" } }).map(([option, each]) => ({
    shown: shownOption(option, each),
    says: each.says,
  }));
  const width = Math.max(...rows.map(({ shown }) => shown.length));
  const lines = rows.map(({ shown, says }) => `  ${shown.padEnd(width)}  ${says}`);
  const head = `usage: holdfast ${name} ${operands}`.trimEnd();
  return [
    `${head} [options]`,
    "",
    `${capital(purpose)}.`,
    "",
    "Options:",
    ...lines,
    ...(more ? ["", more] : []),
    "",
  ].join("\n");
}

function shownOption(name: string, { short, value }: Option): string {
  const letter = short === undefined ? "    " : `-${short}, `;
  return `${letter}--${name}${value === undefined ? "" : ` ${value}`}`;
}

function capital(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
}
