import { Type } from "typebox";
import { kind, operator } from "./kind.ts";

/** An account that is made on a machine at installation. */
export const LocalAccount = kind({
  name: "local_account",
  prefix: "localaccount",
  schemaName: "LocalAccountResource",
  aliasIds: ["localAccountID"],
  deletion: "retired",
  fields: {
    username: operator(Type.String({ maxLength: 32, pattern: "^[a-z][a-z0-9-]{0,31}$" }), {
      required: true,
      immutable: true,
    }),
    sshKey: operator(
      Type.String({ maxLength: 800, pattern: "^(ssh-ed25519|ecdsa-sha2-nistp521) ([A-Za-z0-9+/=]+) ?(.*)?$" }),
      { required: true, immutable: true },
    ),
  },
  unique: [["username"]],
  rest: {
    collections: ["localAccounts"],
    listKey: "localAccounts",
    plural: "LocalAccounts",
    operations: ["list", "create", "get", "delete"],
  },
});
