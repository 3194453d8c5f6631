import { type Static, Type } from "typebox";
import { AdminConfig } from "../config.ts";

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
});
export type RestoreConfig = Static<typeof RestoreConfig>;
