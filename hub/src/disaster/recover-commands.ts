import { audit } from "@holdfast/inventory";
import { Fault, systemClock } from "@holdfast/runtime";
import { type Command, command, databaseCommand } from "../command.ts";
import { localOperator } from "../local-operator.ts";
import { accept } from "./accept.ts";
import { claimsIn, recoveringSince, setRecovering } from "./claims.ts";
import { AcceptConfig, FinishConfig, HomeConfig, RecoverConfig } from "./config.ts";
import { recoverFromSites } from "./recover.ts";
import { recoveryProgress } from "./recovery-status.ts";
import { claimsText, LOST, progressText } from "./recovery-text.ts";

const RECOVER_HELP = `For a hub whose disk is lost and that has no backup. In an empty --home it begins a database in which sites may say who they
are. Then start the hub as usual, where the sites look for it, and let each site in:
  holdfast hub recover list                          which sites have claimed, with their fingerprints
  holdfast hub recover accept SITE-ID FINGERPRINT    lets one in, once you have compared what the site itself shows
  holdfast hub recover status                        what came back, and what is missing
  holdfast hub recover finish                        ends it`;

/** Commands for a hub whose disk is lost. */
export const RECOVER_COMMANDS: Readonly<Record<string, Command>> = {
  recover: command(
    { purpose: "Begins a hub that learns from its sites what it was.", schema: RecoverConfig, more: RECOVER_HELP },
    async ({ home, fromSites }) => {
      if (!fromSites)
        throw new Fault(
          "InvalidArgument",
          "--from-sites is needed: with a backup, use `holdfast hub restore FILE` instead",
        );
      const { epoch } = await recoverFromSites({ home, clock: systemClock });
      return [
        `The hub's epoch is ${epoch}. An operator's token is in ${home}/operator-token.`,
        "",
        "What happens next:",
        "1. Start the hub, where the sites look for it. Sites that reach it make a claim by themselves.",
        "2. `holdfast hub recover list` shows the claims. Compare each fingerprint with what the site itself shows, and",
        "   `holdfast hub recover accept SITE-ID FINGERPRINT` lets the site in; it then tells the hub what it holds.",
        "3. `holdfast hub recover status` shows what came back, `holdfast hub recover finish` ends it.",
        "",
        "What cannot come back:",
        ...LOST.map((lost) => `- ${lost}`),
      ].join("\n");
    },
  ),
  "recover list": databaseCommand(
    { purpose: "Lists the sites that say who they are, with their fingerprints.", schema: HomeConfig },
    (_, { store }) =>
      store.read(async (view) => {
        if ((await recoveringSince(view)) === undefined)
          return "This hub is not recovering: no site makes a claim to it.";
        return claimsText(await claimsIn(view));
      }),
  ),
  "recover accept": databaseCommand(
    {
      purpose: "Lets a site in, whose fingerprint you have compared.",
      schema: AcceptConfig,
      operands: ["site", "fingerprint"],
    },
    async (config, database) => {
      const { site, site_name, tenant_name } = await accept(database, config, systemClock);
      return `${site} "${site_name}" of project ${config.project ?? tenant_name} is let in; it tells what it holds within a minute.`;
    },
  ),
  "recover status": databaseCommand(
    { purpose: "Shows what came back from which site, and what cannot come back.", schema: HomeConfig },
    async (_, { store }) => progressText(await store.read(recoveryProgress)),
  ),
  "recover finish": databaseCommand(
    { purpose: "Ends recovering: no site is let in any more by its fingerprint.", schema: FinishConfig },
    async ({ force }, { store }) => {
      const { since, sites } = await store.read(recoveryProgress);
      if (since === undefined) throw new Fault("FailedPrecondition", "this hub is not recovering from its sites");
      const missing = sites.filter(({ state }) => state !== "told").map(({ site, name }) => `${site} "${name}"`);
      if (missing.length > 0 && !force) {
        const message = `not all sites have told what they hold: ${missing.join(", ")}; --force ends it all the same`;
        throw new Fault("FailedPrecondition", message);
      }
      await store.write(async (tx) => {
        await setRecovering(tx, undefined);
        const about = { kind: "recovery", id: "from-sites", operation: "delete" as const };
        const after = { shutOut: missing.map((site) => site.split(" ")[0]) };
        await audit(tx, { by: localOperator(), at: systemClock.now(), ...about, after });
      });
      if (missing.length === 0) return "All sites that are known have told what they hold. The hub is as any other.";
      return `The hub is as any other. Shut out until they get a new token: ${missing.join(", ")}`;
    },
  ),
};
