import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Clock, Fault, hours, type Log, messageOf, systemCode } from "@holdfast/runtime";
import { writeDurably } from "@holdfast/runtime/durable-file";
import type { TrustConfig } from "./config.ts";
import { KEY_KINDS, signingAlgorithmOf } from "./key-kind.ts";

/** The root of trust of a hub: whoever trusts it trusts the hub. */
export interface Root {
  readonly certificate: X509Certificate;
  readonly key: KeyObject;
  /** Who made it. */
  readonly by: "hub" | "operator";
}

export interface RootParts {
  readonly home: string;
  readonly config: Pick<TrustConfig, "rootCertificateFile" | "rootKeyFile">;
  readonly clock: Pick<Clock, "now">;
  readonly log: Log;
}

/** In the home: the private key and the certificate of a root that the hub made, in one file so that neither is without the other. */
export const ROOT_FILE = "root-key.pem";
/** In the home: the certificate of the root alone, to be given to whoever shall trust the hub. */
export const PUBLIC_FILE = "root.pem";

const LIFE = hours(24 * 3_652);
/** Clocks of those who look may be behind. */
const EARLIER = hours(24);

/**
 * The root of a hub: the operator's, where settings name one, else the one in its home, made when there is none. Throws
 * InvalidArgument naming the setting, or FailedPrecondition naming the file, for one that cannot be used.
 */
export async function openRoot({ home, config, clock, log }: RootParts): Promise<Root> {
  const root = operatorsRoot(config, clock) ?? homeRoot(home) ?? (await makeRoot(home, clock, log));
  const { certificate, by } = root;
  publish(join(home, PUBLIC_FILE), certificate);
  const { fingerprint256: fingerprint, validToDate } = certificate;
  log.info({ fingerprint, by, notAfter: validToDate.toISOString() }, "the hub's root: who trusts it trusts this hub");
  if (!isInTime(certificate, clock.now()))
    log.error(
      { fingerprint, by },
      "the hub's root is out of its time: who verifies the hub refuses it; see docs/trust.md",
    );
  return root;
}

/** Whether a certificate is good now, as far as its dates tell. */
export function isInTime({ validFromDate, validToDate }: X509Certificate, now: number): boolean {
  return validFromDate.getTime() <= now && now <= validToDate.getTime();
}

async function makeRoot(home: string, clock: Pick<Clock, "now">, log: Log): Promise<Root> {
  const { issueRoot } = await import("./issue.ts");
  const now = clock.now();
  const { certificate, key } = await issueRoot({ notBefore: now - EARLIER, notAfter: now + LIFE });
  const path = join(home, ROOT_FILE);
  writeDurably(path, `${key}\n${certificate}\n`);
  log.info({ path }, "a root of trust is made: keep a copy of this file where nobody else can read it");
  return { certificate: new X509Certificate(certificate), key: createPrivateKey(key), by: "hub" };
}

function homeRoot(home: string): Root | undefined {
  const path = join(home, ROOT_FILE);
  const text = readIfThere(path);
  if (text === undefined) return undefined;
  try {
    const [certificate, key] = [new X509Certificate(text), createPrivateKey(text)];
    if (!certificate.checkPrivateKey(key)) throw new Error("its key and its certificate do not fit");
    return { certificate, key, by: "hub" };
  } catch (cause) {
    const rest = "put back a copy, or remove it for a new root, which everybody who trusts the old one must be given";
    throw new Fault("FailedPrecondition", `${path} is damaged (${messageOf(cause)}): ${rest}`, { cause });
  }
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    if (systemCode(cause) === "ENOENT") return undefined;
    throw new Fault("FailedPrecondition", `${path} cannot be read`, { cause });
  }
}

/** For copying to those who shall trust the hub; everybody on this machine may read it. */
function publish(path: string, certificate: X509Certificate): void {
  const text = certificate.toString();
  if (readIfThere(path) !== text) writeDurably(path, text, 0o644);
}

function operatorsRoot(
  { rootCertificateFile, rootKeyFile }: RootParts["config"],
  clock: Pick<Clock, "now">,
): Root | undefined {
  if (rootCertificateFile === undefined && rootKeyFile === undefined) return undefined;
  if (rootCertificateFile === undefined) throw refused("--root-certificate-file is needed with --root-key-file");
  if (rootKeyFile === undefined) throw refused("--root-key-file is needed with --root-certificate-file");
  const its = `--root-certificate-file ${rootCertificateFile}`;
  const certificate = read(its, rootCertificateFile, "certificate", (text) => new X509Certificate(text));
  const keys = `--root-key-file ${rootKeyFile}`;
  const key = read(keys, rootKeyFile, "private key without a passphrase", (text) => createPrivateKey(text));
  if (!certificate.ca) throw refused(`${its}: is not that of a certificate authority`);
  if (!certificate.checkIssued(certificate) || !certificate.verify(certificate.publicKey))
    throw refused(`${its}: is signed by another authority: a root is needed, which signs itself`);
  if (certificate.validToDate.getTime() < clock.now())
    throw refused(`${its}: has expired on ${certificate.validToDate.toISOString()}`);
  if (!isInTime(certificate, clock.now()))
    throw refused(`${its}: is good from ${certificate.validFromDate.toISOString()} on, which is to come`);
  if (!certificate.checkPrivateKey(key)) throw refused(`${keys}: does not fit the certificate ${rootCertificateFile}`);
  if (!signingAlgorithmOf(key)) throw refused(`${keys}: is of a kind that is not taken; what is: ${KEY_KINDS}`);
  return { certificate, key, by: "operator" };
}

function read<T>(setting: string, path: string, what: string, parse: (text: string) => T): T {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (cause) {
    throw new Fault("InvalidArgument", `${setting}: cannot be read`, { cause });
  }
  try {
    return parse(text);
  } catch {
    // What a parser says of a key is left out: it helps nobody and may quote.
    throw refused(`${setting}: holds no ${what} in PEM`);
  }
}

function refused(message: string): Fault {
  return new Fault("InvalidArgument", message);
}
