import { existsSync } from "node:fs";
import { type Authority, createAuthority, openSqliteStore } from "@holdfast/inventory";
import { type ConfigSchema, type ConfigSources, Fault, helpText, readConfig, systemClock } from "@holdfast/runtime";
import type { Static } from "typebox";
import { AdminConfig, ProjectCreateConfig, TokenCreateConfig, TokenRevokeConfig } from "./config.ts";
import { databaseOf } from "./home.ts";
import { HUB_MIGRATIONS } from "./tables.ts";
import { createTokens, type Tokens } from "./tokens/tokens.ts";

interface Database {
  readonly authority: Authority;
  readonly tokens: Tokens;
}

interface Command {
  readonly purpose: string;
  readonly schema: ConfigSchema;
  run(sources: ConfigSources): Promise<string>;
}

/** Commands that work on the database itself, beside a hub that runs or without one. They return what to print. */
export const COMMANDS: Readonly<Record<string, Command>> = {
  "token create": command("Makes an operator's token and prints it, once.", TokenCreateConfig, createToken),
  "token list": command("Lists all tokens, of operators and of sites.", AdminConfig, listTokens),
  "token revoke": command("Revokes a token, at once, also of a hub that runs.", TokenRevokeConfig, revokeToken),
  "project create": command("Makes a project.", ProjectCreateConfig, async ({ name }, { authority }) => {
    const { id } = await authority.createTenant({ actor: "operator:local", name });
    return `${name} ${id}`;
  }),
  "project list": command("Lists the projects.", AdminConfig, async (_, { authority }) => {
    const tenants = await authority.store.read((view) => view.tenants());
    return tenants.map(({ name, id }) => `${name} ${id}`).join("\n");
  }),
};

/** The command, which is every word before the first option, and its options. Without any word it is `run`. */
export function splitCommand(given: readonly string[]): { command: string; options: readonly string[] } {
  const first = given.findIndex((word) => word.startsWith("-"));
  const words = first === -1 ? given : given.slice(0, first);
  return { command: words.join(" ") || "run", options: given.slice(words.length) };
}

/** Runs a command and returns what to print. Throws InvalidArgument for a command that does not exist. */
export async function administer(name: string, sources: ConfigSources): Promise<string> {
  const found = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (!found) throw new Fault("InvalidArgument", `no command is called "${name}" (--help lists them)`);
  if (sources.arguments.includes("--help")) return helpText(`holdfast hub ${name}`, found.purpose, found.schema);
  return found.run(sources);
}

function command<S extends ConfigSchema>(
  purpose: string,
  schema: S,
  run: (config: Readonly<Static<S>>, database: Database) => Promise<string>,
): Command {
  return {
    purpose,
    schema,
    async run(sources) {
      const config = readConfig(schema, sources);
      const path = databaseOf(String((config as { readonly home?: unknown }).home));
      if (!existsSync(path))
        throw new Fault("FailedPrecondition", `${path} is not there: no hub has run with this --home`);
      const store = await openSqliteStore({ path, migrations: HUB_MIGRATIONS });
      try {
        const authority = await createAuthority({ store, clock: systemClock });
        return await run(config, { authority, tokens: createTokens({ store, clock: systemClock }) });
      } finally {
        await store.close();
      }
    },
  };
}

async function createToken(config: TokenCreateConfig, { authority, tokens }: Database): Promise<string> {
  const { name, role, projects, validDays } = config;
  const tenants = projects === "all" ? "all" : await idsOf(authority, projects.split(","));
  const valid = validDays === undefined ? {} : { validSeconds: validDays * 86_400 };
  const { id, token } = await tokens.createOperator({ name, role, tenants, ...valid });
  return `${id}\n${token}`;
}

async function idsOf(authority: Authority, names: readonly string[]): Promise<string[]> {
  return authority.store.read(async (view) => {
    const ids: string[] = [];
    for (const name of names) {
      const tenant = await view.tenant(name.trim());
      if (!tenant) throw new Fault("NotFound", `--projects: no project is called ${name}`);
      ids.push(tenant.id);
    }
    return ids;
  });
}

async function listTokens(_: unknown, { tokens }: Database): Promise<string> {
  const rows = await tokens.list();
  const lines = rows.map(({ id, role, name, site, not_after, revoked_at }) => {
    const until = not_after === null ? "for ever" : `until ${new Date(not_after).toISOString()}`;
    return [id, role, name, site ?? "-", revoked_at === null ? until : "revoked"].join("\t");
  });
  return lines.join("\n");
}

async function revokeToken({ id }: TokenRevokeConfig, { tokens }: Database): Promise<string> {
  if (!(await tokens.revoke(id))) throw new Fault("NotFound", `no standing token has the id ${id}`);
  return `${id} revoked`;
}
