import { type Authority, createAuthority, openSqliteStore, type Store } from "@holdfast/inventory";
import { type ConfigSchema, type ConfigSources, readConfig, systemClock } from "@holdfast/runtime";
import type { Static } from "typebox";
import { refuseHalfRestored } from "./disaster/swap.ts";
import { requireDatabase } from "./home.ts";
import { HUB_MIGRATIONS } from "./tables.ts";
import { projectListener } from "./tenants/listener.ts";
import { accessListener } from "./tokens/access.ts";
import { createTokens, type Tokens } from "./tokens/tokens.ts";

/** What an operator may ask of `holdfast hub` beside running it. */
export interface Command {
  readonly purpose: string;
  readonly schema: ConfigSchema;
  /** Settings that are told without a flag, in this order. */
  readonly operands: readonly string[];
  /** What the help says after the options. */
  readonly more?: string;
  /** Does it and returns what to print. */
  run(sources: ConfigSources): Promise<string>;
}

/** The database of a home, as a command has it. */
export interface OpenDatabase {
  readonly store: Store;
  readonly authority: Authority;
  readonly tokens: Tokens;
}

export interface CommandParts<S extends ConfigSchema> {
  readonly purpose: string;
  readonly schema: S;
  readonly operands?: readonly (keyof S["properties"] & string)[];
  readonly more?: string;
}

/** What the system gives a command beside what it is told. */
export interface Given {
  readonly credentialsDirectory: string | undefined;
}

/** A command that does for itself what must be done. */
export function command<S extends ConfigSchema>(
  { purpose, schema, operands = [], more }: CommandParts<S>,
  run: (config: Readonly<Static<S>>, given: Given) => Promise<string>,
): Command {
  return {
    ...{ purpose, schema, operands },
    ...(more === undefined ? {} : { more }),
    run: (sources) => {
      const given = { credentialsDirectory: sources.environment.CREDENTIALS_DIRECTORY };
      return run(readConfig(schema, { ...sources, operands }), given);
    },
  };
}

/** A command that works on the database itself, beside a hub that runs or without one. */
export function databaseCommand<S extends ConfigSchema>(
  parts: CommandParts<S>,
  run: (config: Readonly<Static<S>>, database: OpenDatabase) => Promise<string>,
): Command {
  return command(parts, (config) =>
    withDatabase(String((config as { readonly home?: unknown }).home), (database) => run(config, database)),
  );
}

/** Runs work over the database of a home. Throws FailedPrecondition when there is none. */
export async function withDatabase<T>(home: string, work: (database: OpenDatabase) => Promise<T>): Promise<T> {
  refuseHalfRestored(home);
  const path = requireDatabase(home);
  const store = await openSqliteStore({ path, migrations: HUB_MIGRATIONS });
  try {
    const listeners = [accessListener({ clock: systemClock }), projectListener({ clock: systemClock })];
    const authority = await createAuthority({ store, clock: systemClock, listeners });
    return await work({ store, authority, tokens: createTokens({ store, clock: systemClock }) });
  } finally {
    await store.close();
  }
}
