import { Type } from "typebox";
import { kind, operator } from "./kind.ts";

/** A piece of first-boot configuration. */
export const CustomConfig = kind({
  name: "custom_config",
  prefix: "customconfig",
  schemaName: "CustomConfigResource",
  deletion: "retired",
  fields: {
    name: operator(Type.String({ maxLength: 40, pattern: "^[a-z][a-z0-9-]{0,31}$" }), {
      required: true,
      immutable: true,
    }),
    description: operator(
      Type.String({ minLength: 1, maxLength: 256, pattern: '^$|^[a-zA-Z-_0-9./:;=@?!#,<>*()" ]+$' }),
      { immutable: true },
    ),
    config: operator(Type.String({ maxLength: 16_384 }), { required: true, immutable: true }),
  },
  unique: [["name"]],
  rest: {
    collections: ["customConfigs"],
    listKey: "customConfigs",
    plural: "CustomConfigs",
    operations: ["list", "create", "get", "delete"],
  },
});
