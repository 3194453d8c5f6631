import { messageOf } from "@holdfast/runtime";
import { readFingerprint } from "@holdfast/runtime/fingerprint";
import { rootByFingerprint } from "@holdfast/runtime/pinned-root";
import { fetchTrusting, readRootFile } from "@holdfast/runtime/trusting-fetch";
import { UsageError } from "./faults.ts";

/** Options that say which root of a hub is trusted, instead of those that this machine's Node trusts. */
export const ROOT_OPTIONS = {
  "root-file": {
    value: "FILE",
    says: "the hub's root, PEM, which alone is trusted then (HOLDFAST_ROOT_FILE) [as at login]",
  },
} as const;

/** Known at login alone: after it the root is stored. */
export const FINGERPRINT_OPTION = {
  "root-fingerprint": { value: "SHA256", says: "of the hub's root, as the hub logs it; the hub shows the root itself" },
} as const;

export interface RootRequest {
  readonly url: string;
  readonly file?: string | undefined;
  readonly fingerprint?: string | undefined;
  readonly signal: AbortSignal;
}

/** `fetch` by whom is trusted: one root, PEM, or those of Node where none is given. */
export function fetchBy(root: string | undefined): typeof fetch {
  return root === undefined ? fetch : fetchTrusting(root);
}

/** The root in a file, PEM. Throws a UsageError naming the option. */
export function rootIn(file: string): string {
  try {
    return readRootFile("--root-file", file);
  } catch (cause) {
    throw new UsageError(messageOf(cause), { cause });
  }
}

/** The root that somebody signs in by, PEM; undefined when they named none. Throws a UsageError naming the option. */
export async function rootFor({ url, file, fingerprint, signal }: RootRequest): Promise<string | undefined> {
  if (file !== undefined && fingerprint !== undefined)
    throw new UsageError("--root-file and --root-fingerprint are two ways to say one thing");
  if (file === undefined && fingerprint === undefined) return undefined;
  if (!url.startsWith("https:")) throw new UsageError(`${url} is not https://, and shows no root`);
  if (file !== undefined) return rootIn(file);
  const read = readFingerprint(fingerprint ?? "");
  if (read === undefined) throw new UsageError(`--root-fingerprint: "${fingerprint}" is no SHA-256, such as AB:CD:…`);
  return rootByFingerprint({ url, fingerprint: read, signal });
}
