import { audit, openSqliteStore } from "@holdfast/inventory";
import { openRing, renewRing, type SecretsKey } from "@holdfast/inventory/store/secrets/key-ring";
import { Fault, systemClock } from "@holdfast/runtime";
import { holdHome } from "@holdfast/runtime/home";
import { openSqlite } from "@holdfast/runtime/sqlite";
import { type Static, Type } from "typebox";
import { type Command, command } from "../command.ts";
import { AdminConfig, secretsKeyFile } from "../config.ts";
import { refuseHalfRestored } from "../disaster/swap.ts";
import { requireDatabase } from "../home.ts";
import { localOperator } from "../local-operator.ts";
import { HUB_MIGRATIONS } from "../tables.ts";
import { readKey, readSecretsKey } from "./find-key.ts";

const RotateConfig = Type.Object({
  home: AdminConfig.properties.home,
  secretsKeyFile,
  newKeyFile: Type.Optional(
    Type.String({
      minLength: 1,
      description: "file with the key that takes the place of the one until now",
      placeholder: "FILE",
    }),
  ),
});
type RotateConfig = Static<typeof RotateConfig>;

const ROTATE_HELP = `The hub must be stopped. All secrets are sealed anew by a new key of the database, which the secrets key keeps. With
--new-key-file another secrets key keeps it from now on: start the hub with that one. Broken off, it is finished when the hub
starts, or by this command, with the key that counts by then. Backups made before still need the key of their time.`;

/** Commands about the keys that secrets are sealed by. */
export const SECRETS_COMMANDS: Readonly<Record<string, Command>> = {
  "secrets rotate": command(
    {
      purpose: "Seals all secrets by a new key.",
      schema: RotateConfig,
      more: ROTATE_HELP,
    },
    async (config, { credentialsDirectory }) => {
      const key = readSecretsKey({ ...config, credentialsDirectory });
      if (!key)
        throw new Fault("FailedPrecondition", `there is no key for secrets in ${config.home}: no hub has run here`);
      const next =
        config.newKeyFile === undefined ? key : readKey(config.newKeyFile, `--new-key-file ${config.newKeyFile}`);
      const id = await rotate(config, { key, next });
      const then =
        next === key ? "" : `\n${key.from} is not used any more: the hub needs the key in ${config.newKeyFile}.`;
      return `All secrets are sealed by the key ${id} now.${then}`;
    },
  ),
};

/** Returns the id of the key that seals from now on. */
async function rotate({ home }: RotateConfig, { key, next }: { key: SecretsKey; next: SecretsKey }): Promise<string> {
  const path = requireDatabase(home);
  const held = holdHome(home, "hub");
  try {
    refuseHalfRestored(home);
    // Brings an older database to this version, and seals what it holds in the clear, before anything changes.
    await (await openSqliteStore({ path, migrations: HUB_MIGRATIONS, secretsKey: key })).close();
    const id = renew(path, key, next);
    const store = await openSqliteStore({ path, migrations: HUB_MIGRATIONS, secretsKey: next });
    try {
      const at = systemClock.now();
      const act = { kind: "secrets-key", id, operation: "create" as const, after: {} };
      await store.write((tx) => audit(tx, { by: localOperator(), at, ...act }));
    } finally {
      await store.close();
    }
    return id;
  } finally {
    await held.close();
  }
}

function renew(path: string, key: SecretsKey, next: SecretsKey): string {
  const database = openSqlite(path);
  try {
    openRing(database, key, path);
    return renewRing(database, key, { next, file: path });
  } finally {
    database.close();
  }
}
