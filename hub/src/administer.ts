import type { Authority } from "@holdfast/inventory";
import { type ConfigSources, Fault, helpText } from "@holdfast/runtime";
import { AUDIT_COMMANDS } from "./audit/commands.ts";
import { type Command, databaseCommand, type OpenDatabase } from "./command.ts";
import { AdminConfig, TokenConfirmConfig, TokenCreateConfig, TokenRevokeConfig } from "./config.ts";
import { DISASTER_COMMANDS } from "./disaster/commands.ts";
import { localOperator } from "./local-operator.ts";
import { SECRETS_COMMANDS } from "./secrets/commands.ts";
import { KEY_COMMANDS } from "./signin/key-commands.ts";
import { USER_COMMANDS } from "./signin/user-commands.ts";
import { TENANCY_COMMANDS } from "./tenants/commands.ts";
import { readFields, writeFields } from "./tokens/managed-fields.ts";

const CONFIRM_HELP = `Sites give back the operators' tokens that a restored hub has forgotten. They work at those sites as before, and open nothing
at the hub and at other sites until you confirm them: a site could have made one up. Look with \`holdfast hub token list\` for whom
you know; what you do not know, revoke with \`holdfast hub token revoke\`.`;

/** All commands beside `run`, by their words. */
export const COMMANDS: Readonly<Record<string, Command>> = {
  "token create": databaseCommand(
    { purpose: "Makes an operator's token and prints it, once.", schema: TokenCreateConfig },
    createToken,
  ),
  "token list": databaseCommand(
    { purpose: "Lists all tokens, of operators and of sites.", schema: AdminConfig },
    listTokens,
  ),
  "token revoke": databaseCommand(
    { purpose: "Revokes a token, at once, also of a hub that runs.", schema: TokenRevokeConfig, operands: ["id"] },
    revokeToken,
  ),
  "token confirm": databaseCommand(
    {
      purpose: "Lets an operator's token that a site gave back after a disaster open the hub, too.",
      schema: TokenConfirmConfig,
      operands: ["id"],
      more: CONFIRM_HELP,
    },
    confirmToken,
  ),
  ...USER_COMMANDS,
  ...AUDIT_COMMANDS,
  ...KEY_COMMANDS,
  ...SECRETS_COMMANDS,
  ...TENANCY_COMMANDS,
  ...DISASTER_COMMANDS,
};

/**
 * The command, which is the longest one that the words before the first option begin with, and what it is told. Without any
 * word it is `run`.
 */
export function splitCommand(given: readonly string[]): { command: string; options: readonly string[] } {
  const first = given.findIndex((word) => word.startsWith("-"));
  const words = first === -1 ? given : given.slice(0, first);
  for (let count = words.length; count > 0; count -= 1) {
    const name = words.slice(0, count).join(" ");
    if (Object.hasOwn(COMMANDS, name)) return { command: name, options: given.slice(count) };
  }
  return { command: words.join(" ") || "run", options: given.slice(words.length) };
}

/** Runs a command and returns what to print. Throws InvalidArgument for a command that does not exist. */
export async function administer(name: string, sources: ConfigSources): Promise<string> {
  const found = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (!found) throw noCommand(name);
  if (sources.arguments.includes("--help")) return helpOf(name, found);
  return found.run(sources);
}

/** Names what begins with the same word, for whoever stopped halfway. */
function noCommand(name: string): Fault {
  const [first = ""] = name.split(" ");
  const near = Object.keys(COMMANDS).filter((each) => each.startsWith(`${first} `));
  const hint = near.length === 0 ? "--help lists them" : `there are: ${near.join(", ")}`;
  return new Fault("InvalidArgument", `no command is called "${name}" (${hint})`);
}

function helpOf(name: string, { purpose, schema, operands, more }: Command): string {
  const asked = operands.map((operand) => {
    const { placeholder = operand } = (schema.properties[operand] ?? {}) as { placeholder?: string };
    return schema.required?.includes(operand) ? placeholder : `[${placeholder}]`;
  });
  return helpText(["holdfast hub", name, ...asked].join(" "), purpose, schema, more);
}

async function createToken(config: TokenCreateConfig, { authority, tokens }: OpenDatabase): Promise<string> {
  const { name, role, fields, projects, validDays, offlineDays } = config;
  const tenants: "all" | readonly string[] = projects === "all" ? "all" : await idsOf(authority, projects.split(","));
  const valid = validDays === undefined ? {} : { validSeconds: validDays * 86_400 };
  const offline = { offlineSeconds: offlineDays * 86_400 };
  const opens = { name, tenants, ...valid, ...offline, by: localOperator() };
  const { id, token } =
    role === "read" || role === "write"
      ? await tokens.createOperator({ ...opens, role })
      : await tokens.createService({
          ...{ ...opens, roles: role.split(/ *, */) },
          ...(fields === undefined ? {} : { fields: readFields(fields.split(",")) }),
        });
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

async function listTokens(_: unknown, { store, tokens }: OpenDatabase): Promise<string> {
  const rows = await tokens.list();
  const projects = await store.read((view) => view.tenants());
  const waits = new Set((await tokens.waiting()).map(({ token }) => token.id));
  const lines = rows.map(
    ({ id, role, roles, fields, name, site, not_after, revoked_at, offline_seconds, recovered_from, tenants }) => {
      const until = not_after === null ? "for ever" : `until ${new Date(not_after).toISOString()}`;
      const offline = role === "site" ? [] : [`offline ${Math.round(offline_seconds / 86_400)} days`];
      const from = recovered_from === null ? [] : [`given back by ${recovered_from}`];
      const waiting = waits.has(id) ? ["waits for confirmation"] : [];
      const stands = revoked_at === null ? until : "revoked";
      const may = [
        roles === null ? role : JSON.parse(roles).join(","),
        ...(fields === null ? [] : writeFields(JSON.parse(fields))),
      ];
      return [id, may.join(" "), name, site ?? opened(tenants, projects), stands, ...offline, ...from, ...waiting].join(
        "\t",
      );
    },
  );
  return lines.join("\n");
}

/** Which projects a token opens, by their names. */
function opened(tenants: string, projects: readonly { readonly id: string; readonly name: string }[]): string {
  const ids: "all" | readonly string[] = JSON.parse(tenants);
  if (ids === "all") return "all projects";
  return ids.map((id) => projects.find((project) => project.id === id)?.name ?? id).join(",") || "no project";
}

async function confirmToken({ id, all }: TokenConfirmConfig, { tokens }: OpenDatabase): Promise<string> {
  if ((id === undefined) !== all) throw new Fault("InvalidArgument", "either ID or --all is needed");
  const confirmed = await tokens.confirm(id, localOperator());
  if (confirmed.length === 0 && id !== undefined) throw new Fault("NotFound", `no token ${id} waits for confirmation`);
  if (confirmed.length === 0) return "No token waits for confirmation.";
  return confirmed
    .map(({ token, sites }) => `${token.id} ${token.role} ${token.name} confirmed, given back by ${sites.join(", ")}`)
    .join("\n");
}

async function revokeToken({ id }: TokenRevokeConfig, { tokens }: OpenDatabase): Promise<string> {
  if (!(await tokens.revoke(id, localOperator()))) throw new Fault("NotFound", `no standing token has the id ${id}`);
  return `${id} revoked`;
}
