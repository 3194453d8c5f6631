import { type Static, Type } from "typebox";
import { AdminConfig, secretsKeyFile } from "../config.ts";

const { home } = AdminConfig.properties;
const force = (description: string) => Type.Boolean({ default: false, description });

export const BackupConfig = Type.Object({
  file: Type.String({ minLength: 1, description: "where the copy shall be", placeholder: "FILE" }),
  home,
  force: force("replaces a file that is there already"),
});
export type BackupConfig = Static<typeof BackupConfig>;

export const RestoreConfig = Type.Object({
  file: Type.String({ minLength: 1, description: "a backup", placeholder: "FILE" }),
  home,
  force: force("takes the backup of another hub, too"),
  secretsKeyFile,
  withoutSecrets: Type.Boolean({
    default: false,
    description: "leaves the secrets of the backup out, when the key that they are sealed by is lost",
  }),
});
export type RestoreConfig = Static<typeof RestoreConfig>;

/** Of a command that needs a home and nothing else. */
export const HomeConfig = Type.Object({ home });
export type HomeConfig = Static<typeof HomeConfig>;

export const RecoverConfig = Type.Object({
  home,
  fromSites: Type.Boolean({ default: false, description: "learns from the sites what the hub was" }),
});
export type RecoverConfig = Static<typeof RecoverConfig>;

export const AcceptConfig = Type.Object({
  site: Type.String({
    pattern: "^site-[0-9a-f]{8}$",
    expects: "the id of a site, as `recover list` shows it",
    description: "id of the site that is let in",
    placeholder: "SITE-ID",
  }),
  fingerprint: Type.String({
    minLength: 1,
    description: "the fingerprint that the site itself shows",
    placeholder: "FINGERPRINT",
  }),
  home,
  project: Type.Optional(
    Type.String({
      pattern: "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$",
      expects: "a name of at most 63 small letters, digits and dashes within",
      description: "the name that the site's project gets, when its own is taken",
      placeholder: "NAME",
    }),
  ),
});
export type AcceptConfig = Static<typeof AcceptConfig>;

export const FinishConfig = Type.Object({
  home,
  force: force("ends it also when sites are missing"),
});
export type FinishConfig = Static<typeof FinishConfig>;
