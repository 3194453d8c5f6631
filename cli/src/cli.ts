import { parseArgs } from "node:util";
import { messageOf } from "@holdfast/runtime";
import { createApi } from "./api.ts";
import type { Command, Given, Options, Surroundings } from "./command.ts";
import { COMMANDS } from "./commands.ts";
import { openConfiguration } from "./configuration.ts";
import { connectionOf } from "./connection.ts";
import { Refusal, UsageError } from "./faults.ts";
import { commandHelp } from "./help.ts";
import { tokenFor } from "./token.ts";

const DONE = 0;
const REFUSED = 1;
const MISUSED = 2;

/** Runs one command and says how it ended: 0 done, 1 refused or failed, 2 not understood. */
export async function runCli([name = "", ...words]: readonly string[], surroundings: Surroundings): Promise<number> {
  const found = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  try {
    if (!found) throw new UsageError(`there are ${Object.keys(COMMANDS).join(", ")}`);
    if (words.includes("--help")) surroundings.out(commandHelp(name, found));
    else await run(found, words, surroundings);
    return DONE;
  } catch (error) {
    const isMisuse = error instanceof UsageError;
    surroundings.note(`holdfast ${name}: ${sentenceOf(error)}${isMisuse ? " (--help tells more)" : ""}`);
    return isMisuse ? MISUSED : REFUSED;
  }
}

async function run(command: Command, words: readonly string[], surroundings: Surroundings): Promise<void> {
  const { operands, given } = read(command.options, words);
  const configuration = openConfiguration(surroundings.environment);
  const connection = connectionOf({ given, environment: surroundings.environment, configuration });
  const token = () => tokenFor(connection, { ...surroundings, configuration });
  const api = createApi({ connection, token, signal: surroundings.signal });
  await command.run(operands, given, { ...surroundings, configuration, connection, api });
}

function read(options: Options, words: readonly string[]): { operands: string[]; given: Given<Options> } {
  const declared = Object.entries(options).map(([name, { short, value }]) => [
    name,
    { type: value === undefined ? "boolean" : "string", ...(short === undefined ? {} : { short }) } as const,
  ]);
  try {
    const { positionals, values } = parseArgs({
      args: [...words],
      options: Object.fromEntries(declared),
      allowPositionals: true,
    });
    return { operands: positionals, given: values as Given<Options> };
  } catch (cause) {
    throw new UsageError(messageOf(cause), { cause });
  }
}

function sentenceOf(error: unknown): string {
  return error instanceof Refusal ? `${error.code}: ${error.message}` : messageOf(error);
}
