import { readFileSync } from "node:fs";
import { Fault } from "@holdfast/runtime";
import { type PublicKey, readPublicKeys } from "@holdfast/runtime/minisign/format";
import type { SiteConfig } from "../config.ts";
import { Releases, type ReleasesOptions } from "./releases.ts";

/** The releases that the settings name, if any. Throws InvalidArgument naming the setting. */
export function openReleases(
  { releases: directory, releaseKeys }: Pick<SiteConfig, "releases" | "releaseKeys">,
  parts: Pick<ReleasesOptions, "store" | "clock" | "log">,
): Releases | undefined {
  if (directory === undefined) return undefined;
  if (releaseKeys === undefined) {
    throw new Fault("InvalidArgument", "--release-keys is needed with --releases: by which keys are they trusted?");
  }
  return new Releases({ ...parts, directory, keys: readKeys(releaseKeys) });
}

function readKeys(path: string): readonly PublicKey[] {
  try {
    return readPublicKeys(readFileSync(path, "utf8"));
  } catch (cause) {
    throw new Fault("InvalidArgument", `--release-keys ${path}`, { cause });
  }
}
