import { audit } from "@holdfast/inventory";
import { systemClock } from "@holdfast/runtime";
import { type Command, databaseCommand } from "../command.ts";
import { localOperator } from "../local-operator.ts";
import { RotateKeyConfig } from "./config.ts";
import { newKey } from "./keys.ts";

const ROTATE_HELP = `What the key before signed stays good for its time, and the key with it. When it may have been stolen, say --forget.`;

/** Commands about the keys of the hub's own issuer. */
export const KEY_COMMANDS: Readonly<Record<string, Command>> = {
  "signin rotate-key": databaseCommand(
    {
      purpose: "Signs tokens by a new key from now on, also in a hub that runs.",
      schema: RotateKeyConfig,
      more: ROTATE_HELP,
    },
    async ({ home, forget }, { store }) => {
      const at = systemClock.now();
      const { id, forgotten, install } = await newKey(home, at, forget ? "forgotten" : "kept");
      await store.write(async (tx) => {
        const act = { kind: "signing-key", id, operation: "create" as const, after: { forgotten } };
        await audit(tx, { by: localOperator(), at, ...act });
        install();
      });
      return `${id} signs from now on${forget ? "; all have to sign in again" : ""}`;
    },
  ),
};
