import { Type } from "typebox";
import { enumeration, kind, operator } from "./kind.ts";

export const ProviderKind = enumeration("ProviderKind", ["PROVIDER_KIND_UNSPECIFIED", "PROVIDER_KIND_BAREMETAL"]);

export const ProviderVendor = enumeration("ProviderVendor", [
  "PROVIDER_VENDOR_UNSPECIFIED",
  "PROVIDER_VENDOR_LENOVO_LXCA",
  "PROVIDER_VENDOR_LENOVO_LOCA",
]);

/** Where machines come from, and what is done with those that nobody has claimed yet. */
export const Provider = kind({
  name: "provider",
  prefix: "provider",
  schemaName: "ProviderResource",
  aliasIds: ["providerID"],
  fields: {
    providerKind: operator(ProviderKind, { required: true, immutable: true }),
    providerVendor: operator(ProviderVendor, { initial: "PROVIDER_VENDOR_UNSPECIFIED", immutable: true }),
    name: operator(Type.String({ maxLength: 40, pattern: "^$|^[a-zA-Z-_0-9./: ]+$" }), { required: true }),
    apiEndpoint: operator(Type.String({ maxLength: 500, pattern: "^$|^[a-zA-Z-_0-9./:;=?@!#,<>*() ]+$" }), {
      required: true,
    }),
    apiCredentials: operator(
      Type.Array(Type.String({ maxLength: 500, pattern: '^$|^[a-zA-Z-_0-9.\\/:;=?@!#,<>*(){}"\\\\ ]+$' }), {
        maxItems: 100,
      }),
      { secret: true, initial: [] },
    ),
    config: operator(Type.String({ maxLength: 2000, pattern: '^$|^[a-zA-Z-_0-9.\\/:;=?@!#,<>*(){}"\\\\ ]+$' }), {
      initial: "",
    }),
  },
  unique: [["name"]],
  rest: {
    collections: ["providers"],
    listKey: "providers",
    plural: "Providers",
    operations: ["list", "create", "get", "delete"],
  },
});
