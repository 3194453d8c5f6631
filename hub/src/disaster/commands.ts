import { resolve } from "node:path";
import { systemClock } from "@holdfast/runtime";
import { type Command, command } from "../command.ts";
import { readSecretsKey } from "../secrets/find-key.ts";
import { backUp } from "./backup.ts";
import { BackupConfig, HomeConfig, RestoreConfig } from "./config.ts";
import { contentsText } from "./inspect.ts";
import { beginNewEpoch } from "./new-epoch.ts";
import { RECOVER_COMMANDS } from "./recover-commands.ts";
import { restore } from "./restore.ts";

const BACKUP_HELP = `The copy is one moment of the database, whole, also while the hub runs and is written to; it is checked before it gets its
name. It holds hashes of tokens and names of people: keep it as you keep the hub itself. Secrets in it are sealed, and the key for them
is not in it: without that key they are lost.`;

const RESTORE_HELP = `The hub must be stopped. The backup is checked whole before anything is touched, and the old database is kept beside the new.
The hub begins another life: each site tells it what it holds before it does anything else, so what was made since the
backup and reached a site comes back. Nothing disruptive is done at any site until an operator releases its hold.`;

const NEW_EPOCH_HELP = `For a hub that you believe to have been put back to an earlier state (a snapshot of its disk or of its machine), where neither it
nor its sites have noticed: its log would say "the hub has lost history". The hub must be stopped. Nothing is lost by
it: each site tells the hub what it holds before it does anything else, and nothing disruptive is done until you release the
holds. A hub that has lost nothing finds that it knows all that it is told.`;

/** Commands for when a hub has lost something, or may. */
export const DISASTER_COMMANDS: Readonly<Record<string, Command>> = {
  backup: command(
    {
      purpose: "Copies the hub's database into a file, whether or not the hub runs.",
      schema: BackupConfig,
      operands: ["file"],
      more: BACKUP_HELP,
    },
    async (config) => `${resolve(config.file)}\n${contentsText(backUp(config))}`,
  ),
  restore: command(
    {
      purpose: "Puts a backup in the place of the hub's database.",
      schema: RestoreConfig,
      operands: ["file"],
      more: RESTORE_HELP,
    },
    async (config, { credentialsDirectory }) => {
      const secretsKey = config.withoutSecrets ? null : readSecretsKey({ ...config, credentialsDirectory });
      const { contents, epoch, aside } = await restore({ ...config, secretsKey, clock: systemClock });
      return [
        `restored ${resolve(config.file)}`,
        contentsText(contents),
        aside === null ? "There was no database here before." : `The old database is kept as ${aside}.`,
        `The hub's epoch is now ${epoch}.`,
        "",
        "What happens next:",
        "1. Start the hub. Each site finds the new epoch and tells the hub what it holds, before it does anything else.",
        "2. What was made or changed since the backup and had reached a site comes back; what cannot be told is a conflict.",
        "3. Resets, power cycles and switching off wait at every site until you release its hold.",
      ].join("\n");
    },
  ),
  ...RECOVER_COMMANDS,
  "new-epoch": command(
    {
      purpose: "Makes the hub's sites tell it what they hold, as after a restore.",
      schema: HomeConfig,
      more: NEW_EPOCH_HELP,
    },
    async ({ home }) => {
      const epoch = await beginNewEpoch({ home, clock: systemClock });
      return `The hub's epoch is now ${epoch}. Start the hub; its sites tell it what they hold, and are held until you release them.`;
    },
  ),
};
