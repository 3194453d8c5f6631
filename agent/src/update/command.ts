import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { type Clock, Fault, type Log, readConfig } from "@holdfast/runtime";
import { Type } from "typebox";
import { INSTALLED } from "../unit.ts";
import { fetchedIn, programsIn } from "./places.ts";
import { superviseUpdate } from "./supervise.ts";
import { architectureOf, readKeys } from "./updates.ts";

const SuperviseConfig = Type.Object({
  prefix: Type.String({ minLength: 1, default: "/", placeholder: "DIR", description: "where the agent is installed" }),
});

/** Takes up what the installed agent has fetched, or goes on with what is unfinished. Without keys there is nothing to do. */
export async function superviseInstalled(
  list: readonly string[],
  { clock, log, signal }: { readonly clock: Clock; readonly log: Log; readonly signal: AbortSignal },
): Promise<void> {
  const { prefix } = readConfig(SuperviseConfig, { arguments: list, environment: {} });
  const below = (path: string) => join(prefix, path);
  const architecture = architectureOf(process.arch);
  if (architecture === undefined) throw new Fault("Unimplemented", `no release is made for ${process.arch}`);
  if (!existsSync(below(INSTALLED.releaseKeys))) return log.info("no keys of releases are installed: nothing to do");
  await superviseUpdate({
    programs: programsIn(below(INSTALLED.programs)),
    fetched: fetchedIn(below(INSTALLED.state)),
    keys: readKeys(below(INSTALLED.releaseKeys)),
    ...{ architecture, clock, log, signal },
    restart: async () => {
      // Not waited for: one that never says that it is ready has the same time to prove itself as any other.
      await promisify(execFile)("systemctl", ["--no-block", "restart", INSTALLED.unitName], { timeout: 60_000 });
    },
  });
}
