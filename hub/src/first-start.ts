import { join } from "node:path";
import type { Authority } from "@holdfast/inventory";
import type { Log } from "@holdfast/runtime";
import { writePrivate } from "@holdfast/runtime/home";
import { recoveringSince } from "./disaster/claims.ts";
import type { Tokens } from "./tokens/tokens.ts";

/**
 * On a database without any project, unless those are to come from sites: makes the project `default` and an operator's token
 * with all rights, in `operator-token` in the home. The token is made first, so that a start broken off between the two is
 * done again.
 */
export async function firstStart({ home, authority, tokens, log }: FirstStart): Promise<void> {
  const isFirst = await authority.store.read(async (view) => {
    return (await view.tenants()).length === 0 && (await recoveringSince(view)) === undefined;
  });
  if (!isFirst) return;
  const { token } = await tokens.createOperator({ name: "first", role: "write", tenants: "all" });
  const path = join(home, "operator-token");
  writePrivate(path, token);
  await authority.createTenant({ actor: "hub", name: "default" });
  log.info({ path }, "first start: the project default and an operator's token are made");
}

interface FirstStart {
  readonly home: string;
  readonly authority: Authority;
  readonly tokens: Tokens;
  readonly log: Log;
}
