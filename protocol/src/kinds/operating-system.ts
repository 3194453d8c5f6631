import { Type } from "typebox";
import { bookkept, enumeration, kind, operator } from "./kind.ts";
import { SecurityFeature } from "./values.ts";

export const OsType = enumeration("OsType", ["OS_TYPE_UNSPECIFIED", "OS_TYPE_MUTABLE", "OS_TYPE_IMMUTABLE"]);

export const OsProviderKind = enumeration("OsProviderKind", [
  "OS_PROVIDER_KIND_UNSPECIFIED",
  "OS_PROVIDER_KIND_INFRA",
  "OS_PROVIDER_KIND_LENOVO",
]);

const ImageText = Type.String({ maxLength: 500, pattern: '^$|^[a-zA-Z-_0-9./:;=@?!#,<>*()"\\ ]+$' });
const CveUrl = Type.String({ maxLength: 500, format: "uri-ref" });

/** An operating system that machines can be installed with: an entry of the image catalogue. */
export const OperatingSystem = kind({
  name: "operating_system",
  prefix: "os",
  schemaName: "OperatingSystemResource",
  aliasIds: ["osResourceID"],
  deletion: "retired",
  fields: {
    name: operator(Type.String({ maxLength: 128, pattern: "^$|^[a-zA-Z-_0-9./: ()]+$" }), { initial: "" }),
    architecture: operator(Type.String({ maxLength: 20, pattern: '^$|^[a-zA-Z-_0-9./:;=@?!#,<>*()" ]+$' }), {
      initial: "",
    }),
    imageUrl: operator(ImageText, { initial: "" }),
    imageId: operator(ImageText, { initial: "", immutable: true }),
    description: operator(
      Type.String({ maxLength: 1000, pattern: "^$|^[a-zA-Z-_0-9.:;=@?!#,<>*(){}&%$`^\\+\\- ]+$" }),
      { initial: "" },
    ),
    sha256: operator(Type.String({ minLength: 64, maxLength: 64, pattern: "^[a-f0-9]+$" }), {
      required: true,
      immutable: true,
    }),
    profileName: operator(Type.String({ maxLength: 128, pattern: '^$|^[a-zA-Z-_0-9./:;=@?!#,<>*()"\\ ]+$' }), {
      initial: "",
      immutable: true,
    }),
    profileVersion: bookkept(Type.String()),
    installedPackages: bookkept(
      Type.String({ maxLength: 500_000, pattern: '^$|^[a-zA-Z-_0-9./:;=@?!#,<>*()" \\\\\\n]+$' }),
    ),
    installedPackagesUrl: operator(Type.String({ maxLength: 200, format: "uri-ref" }), { initial: "" }),
    securityFeature: operator(SecurityFeature, { initial: "SECURITY_FEATURE_UNSPECIFIED", immutable: true }),
    osType: operator(OsType, { initial: "OS_TYPE_UNSPECIFIED", immutable: true }),
    osProvider: operator(OsProviderKind, { initial: "OS_PROVIDER_KIND_UNSPECIFIED", immutable: true }),
    platformBundle: bookkept(Type.String()),
    metadata: operator(Type.String({ maxLength: 500, pattern: '^$|^[a-z0-9,.\\-_:/"\\\\ \\\\n{}\\[\\]]+$' }), {
      initial: "",
    }),
    tlsCaCert: operator(
      Type.String({
        maxLength: 10_000,
        pattern: "^$|^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$",
      }),
      { initial: "" },
    ),
    existingCvesUrl: operator(CveUrl, { initial: "" }),
    existingCves: bookkept(
      Type.String({ maxLength: 500_000, pattern: '^$|^[a-zA-Z-_0-9./:;=@?!#,<>*+~()"\\\\À-ÿ \\\\n\\{\\}\\[\\]]+$' }),
    ),
    fixedCvesUrl: operator(CveUrl, { initial: "" }),
    fixedCves: bookkept(
      Type.String({ maxLength: 500_000, pattern: "^$|^[\\p{L}\\p{N}\\p{P}\\p{S}\\p{Z}\\n\\{\\}\\[\\]]+$" }),
    ),
    repoUrl: operator(Type.String({ maxLength: 500, pattern: '^$|^[a-zA-Z-_0-9./:;=@?!#,<>*()" ]+$' }), {
      initial: "",
    }),
  },
  unique: [["name"], ["profileName", "imageId"]],
  rest: {
    collections: ["compute/os", "compute/operating_systems"],
    listKey: "OperatingSystemResources",
    plural: "OperatingSystems",
    operations: ["list", "create", "get", "put", "patch", "delete"],
  },
});
