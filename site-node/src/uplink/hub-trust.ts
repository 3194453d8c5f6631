import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Fault, type Log } from "@holdfast/runtime";
import { writeDurably } from "@holdfast/runtime/durable-file";
import { readFingerprint } from "@holdfast/runtime/fingerprint";
import { rootByFingerprint } from "@holdfast/runtime/pinned-root";
import { fetchTrusting, readRootFile } from "@holdfast/runtime/trusting-fetch";
import type { SiteConfig } from "../config.ts";

export interface HubTrustParts {
  readonly config: Pick<SiteConfig, "home" | "hubUrl" | "hubRootFile" | "hubRootFingerprint">;
  readonly log: Log;
}

/** In the home: the root whose fingerprint was given, once the hub has shown it. */
export const PINNED_FILE = "hub-root.pem";

/**
 * `fetch` to the hub, by whom its settings trust: one root, or those of the machine's Node when nothing is said. A root that
 * is known by its fingerprint is asked of the hub when that is reached first, and kept. Throws InvalidArgument naming the setting.
 */
export function fetchFromHub({ config, log }: HubTrustParts): typeof fetch {
  const { home, hubUrl, hubRootFile, hubRootFingerprint } = config;
  if (hubRootFile === undefined && hubRootFingerprint === undefined) return fetch;
  const setting = hubRootFile === undefined ? "--hub-root-fingerprint" : "--hub-root-file";
  if (!hubUrl.startsWith("https:"))
    throw new Fault("InvalidArgument", `${setting}: --hub-url ${hubUrl} is not https://, and shows nothing to compare`);
  if (hubRootFile !== undefined && hubRootFingerprint !== undefined)
    throw new Fault("InvalidArgument", "--hub-root-file and --hub-root-fingerprint: say one of them");
  if (hubRootFile !== undefined) return fetchTrusting(readRootFile(setting, hubRootFile));
  const fingerprint = readFingerprint(hubRootFingerprint ?? "");
  if (fingerprint === undefined)
    throw new Fault("InvalidArgument", `${setting} "${hubRootFingerprint}": is no SHA-256 of a certificate, AB:CD:…`);
  return pinned({ url: hubUrl, fingerprint, path: join(home, PINNED_FILE), log });
}

interface Pin {
  readonly url: string;
  readonly fingerprint: string;
  readonly path: string;
  readonly log: Log;
}

function pinned(pin: Pin): typeof fetch {
  let trusting = known(pin);
  let learning: Promise<typeof fetch> | undefined;
  return async (input, init) => {
    if (!trusting) {
      // The feeds and the uplink begin at once: one of them asks, and whoever gave up waiting is not who asked.
      learning ??= learn(pin).finally(() => {
        learning = undefined;
      });
      trusting = await learning;
    }
    return await trusting(input, init);
  };
}

/** What was learnt before, if it is still what is asked for. */
function known({ path, fingerprint }: Pin): typeof fetch | undefined {
  try {
    const root = new X509Certificate(readFileSync(path, "utf8"));
    return root.fingerprint256 === fingerprint ? fetchTrusting(root.toString()) : undefined;
  } catch {
    // Not there, or damaged: the hub shows it again.
    return undefined;
  }
}

async function learn({ url, fingerprint, path, log }: Pin): Promise<typeof fetch> {
  const root = await rootByFingerprint({ url, fingerprint });
  writeDurably(path, root, 0o644);
  log.info({ fingerprint }, "the hub has shown the root that was asked for");
  return fetchTrusting(root);
}
