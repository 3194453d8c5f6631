import type { Clock } from "@holdfast/runtime";
import type { Api } from "./api.ts";
import type { Configuration } from "./configuration.ts";
import type { Connection } from "./connection.ts";

/** An option of a command: `--NAME`, or `--NAME VALUE` when it has one. */
export interface Option {
  readonly short?: string;
  /** What stands for its value in the help; without one, the option is given or not. */
  readonly value?: string;
  readonly says: string;
}

export type Options = Readonly<Record<string, Option>>;

/** What options were given, by name: their texts, and true for those that have none. */
export type Given<O extends Options> = {
  readonly [Name in keyof O]?: O[Name] extends { readonly value: string } ? string : true;
};

/** What a command has of the world. */
export interface Surroundings {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly clock: Pick<Clock, "now" | "sleep">;
  /** Aborted when whoever runs the command has had enough. */
  readonly signal: AbortSignal;
  /** What was asked for, as it is. */
  out(text: string): void;
  /** A line about it, for a person. */
  note(line: string): void;
  /** A secret, asked of a person without showing it, or the first line of what is piped in. */
  askSecret(prompt: string): Promise<string>;
}

export interface Context extends Surroundings {
  readonly configuration: Configuration;
  readonly connection: Connection;
  /** The API of the connection's project. */
  readonly api: Api;
}

/** One of the words after `holdfast`. */
export interface Command {
  readonly purpose: string;
  /** What stands after its name: `KIND [ID]`. */
  readonly operands: string;
  readonly options: Options;
  /** What the help says after the options. */
  readonly more?: string;
  /** Throws a UsageError, a Refusal, or what else keeps it from being done. */
  run(operands: readonly string[], given: Given<Options>, context: Context): Promise<void>;
}

/** A command whose `run` knows its own options. */
export function command<O extends Options>(
  parts: Omit<Command, "options" | "run"> & {
    readonly options: O;
    run(operands: readonly string[], given: Given<O>, context: Context): Promise<void>;
  },
): Command {
  return { ...parts, run: (operands, given, context) => parts.run(operands, given as Given<O>, context) };
}
