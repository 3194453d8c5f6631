import { readFileSync } from "node:fs";
import { Fault, messageOf, systemClock } from "@holdfast/runtime";
import { type Command, databaseCommand, type OpenDatabase } from "../command.ts";
import { AdminConfig } from "../config.ts";
import type { HubTables } from "../tables.ts";
import { USUAL_COST, UserConfig, UserCreateConfig, UserPasswordConfig, UserRolesConfig } from "./config.ts";
import { placedRoles, ROLE_NAMES } from "./named-roles.ts";
import { createPasswords, type PasswordCost } from "./passwords.ts";
import { ALL, type RolePlace } from "./role-place.ts";
import { createUsers } from "./users.ts";

const ROLES_HELP = `Roles: ${ROLE_NAMES.join(", ")}.
im-r reads, im-rw writes too; oob-power only switches machines, oob-console only opens consoles, auditor reads the audit log;
project-… are about an organisation's projects, org-… about organisations, and hub-admin is all of that.`;

/** Commands about those who sign in at the hub's own issuer. They take effect at once, also in a hub that runs. */
export const USER_COMMANDS: Readonly<Record<string, Command>> = {
  "user create": databaseCommand(
    {
      purpose: "Makes a user, who signs in with a name and a password.",
      schema: UserCreateConfig,
      operands: ["name"],
      more: ROLES_HELP,
    },
    async (config, { store }) => {
      const roles = await store.read((view) => placedRoles(view, config));
      const password = passwordIn(config.passwordFile);
      const user = await usersOf(store, config).create({ name: config.name, password, roles });
      return `${user.name} ${user.id}`;
    },
  ),
  "user list": databaseCommand(
    { purpose: "Lists the users, with their roles.", schema: AdminConfig },
    async (_, { store }) => {
      const users = await usersOf(store).list();
      const projects = await store.read((view) => view.tenants());
      const organisations = await store.read((view) =>
        view.tables<HubTables>().selectFrom("organisation").selectAll().execute(),
      );
      const nameOf = (id: string) => [...projects, ...organisations].find((each) => each.id === id)?.name ?? id;
      return users
        .map(({ name, id, roles, locked_at, waitsUntil }) => {
          const waits = waitsUntil === undefined ? [] : [`waits until ${new Date(waitsUntil).toISOString()}`];
          return [name, id, shownRoles(roles, nameOf), ...(locked_at === null ? [] : ["locked"]), ...waits].join("\t");
        })
        .join("\n");
    },
  ),
  "user remove": aboutUser("Removes a user; what is signed in opens nothing any more.", async (name, users) => {
    await users.remove(name);
    return `${name} removed`;
  }),
  "user set-password": databaseCommand(
    {
      purpose: "Gives a user another password, and ends what is signed in with the old one.",
      schema: UserPasswordConfig,
      operands: ["name"],
    },
    async (config, { store }) => {
      await usersOf(store, config).setPassword(config.name, passwordIn(config.passwordFile));
      return `${config.name} has another password`;
    },
  ),
  "user grant": databaseCommand(
    { purpose: "Gives a user roles.", schema: UserRolesConfig, operands: ["name"], more: ROLES_HELP },
    async (config, { store }) => {
      const roles = await store.read((view) => placedRoles(view, config));
      await usersOf(store).grant(config.name, roles);
      return `${config.name} has ${config.roles}`;
    },
  ),
  "user revoke": databaseCommand(
    { purpose: "Takes roles from a user.", schema: UserRolesConfig, operands: ["name"], more: ROLES_HELP },
    async (config, { store }) => {
      const roles = await store.read((view) => placedRoles(view, config));
      await usersOf(store).revoke(config.name, roles);
      return `${config.name} does not have ${config.roles} any more`;
    },
  ),
  "user lock": aboutUser(
    "Lets a user sign in no more; what is signed in opens nothing any more.",
    async (name, users) => {
      await users.lock(name);
      return `${name} locked`;
    },
  ),
  "user unlock": aboutUser("Lets a user sign in again, after `user lock` or wrong passwords.", async (name, users) => {
    await users.unlock(name);
    return `${name} may sign in`;
  }),
};

type Users = ReturnType<typeof createUsers>;

function aboutUser(purpose: string, work: (name: string, users: Users) => Promise<string>): Command {
  return databaseCommand({ purpose, schema: UserConfig, operands: ["name"] }, ({ name }, { store }) =>
    work(name, usersOf(store)),
  );
}

interface Cost {
  readonly passwordMemoryKib: number;
  readonly passwordPasses: number;
}

/** What a password costs is said where one is set. */
function usersOf(store: OpenDatabase["store"], { passwordMemoryKib, passwordPasses }: Cost = USUAL_COST): Users {
  const cost: PasswordCost = { memoryKib: passwordMemoryKib, passes: passwordPasses };
  return createUsers({ store, passwords: createPasswords(cost), clock: systemClock });
}

/** The first line of a file, or of the standard input for `-`. */
function passwordIn(file: string): string {
  try {
    const [first = ""] = readFileSync(file === "-" ? 0 : file, "utf8").split(/\r?\n/);
    return first;
  } catch (cause) {
    throw new Fault("InvalidArgument", `--password-file ${file}: ${messageOf(cause)}`, { cause });
  }
}

function shownRoles(roles: readonly RolePlace[], nameOf: (id: string) => string): string {
  const shown = roles.map(({ role, place }) => {
    if (place === "") return role;
    return `${role} in ${place === ALL ? "all" : nameOf(place)}`;
  });
  return shown.join(", ") || "no role";
}
