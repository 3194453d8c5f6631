import type { Command } from "./command.ts";
import { conflicts } from "./commands/conflicts.ts";
import { describe } from "./commands/describe.ts";
import { get } from "./commands/get.ts";
import { importHosts } from "./commands/import.ts";
import { login } from "./commands/login.ts";
import { logout } from "./commands/logout.ts";
import { register } from "./commands/register.ts";
import { trust } from "./commands/trust.ts";
import { watch } from "./commands/watch.ts";

/** The words after `holdfast` that ask something of a hub or a site. The launcher lists them, too. */
export const COMMANDS: Readonly<Record<string, Command>> = {
  login,
  logout,
  get,
  describe,
  watch,
  register,
  conflicts,
  import: importHosts,
  trust,
};
