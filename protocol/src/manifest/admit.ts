import { hash } from "node:crypto";
import { lineOf, MalformedManifest, type Manifest, readManifest, trustedCommentOf } from "./manifest.ts";

/** What is known of the newest manifest of a line that was ever admitted here. Kept durably, or a rollback goes unseen. */
export interface Known {
  readonly sequence: number;
  readonly version: string;
  /** SHA-256 of the manifest itself, hex. */
  readonly manifestHash: string;
}

/** An operator's word that one older manifest is wanted all the same. It says which, and holds for no other. */
export interface Override {
  readonly manifestHash: string;
  readonly by: string;
  readonly reason: string;
}

/** A manifest and what shall prove it, as they came. */
export interface Offered {
  readonly manifest: Uint8Array;
  /** The text of the `.minisig` file. */
  readonly signature: string;
}

/** Says whether content is signed by a key that is trusted for such manifests; never throws. */
export type VerifySignature = (claim: {
  readonly content: Uint8Array;
  readonly signature: string;
}) =>
  | { readonly is: "verified"; readonly keyId: string; readonly trustedComment: string }
  | { readonly is: "refused"; readonly reason: string };

export interface AdmitOptions {
  readonly verify: VerifySignature;
  /** The newest known of a line (`lineOf`). */
  readonly known: (line: string) => Known | undefined;
  readonly override?: Override | undefined;
}

/**
 * `admitted`: keep `known` before acting on the manifest. `rolledBack` is there when an operator's word let an older one in: it
 * belongs in the audit log, and `known` is still the newest.
 */
export type Admission =
  | {
      readonly is: "admitted";
      readonly manifest: Manifest;
      readonly manifestHash: string;
      readonly keyId: string;
      readonly known: Known;
      readonly rolledBack?: { readonly from: Known; readonly by: string; readonly reason: string };
    }
  | { readonly is: "refused"; readonly why: Refusal; readonly reason: string };

/** `older` is the one refusal that an operator may override. */
export type Refusal = "signature" | "malformed" | "comment" | "older" | "ambiguous";

/** Decides about a manifest: signed, whole, and not older than what is known. Pure; hub, site and machine decide alike. */
export function admit(offered: Offered, { verify, known: knownOf, override }: AdmitOptions): Admission {
  // What is not signed is not even parsed.
  const verdict = verify({ content: offered.manifest, signature: offered.signature });
  if (verdict.is === "refused") return refused("signature", verdict.reason);
  let manifest: Manifest;
  try {
    manifest = readManifest(offered.manifest);
  } catch (error) {
    if (error instanceof MalformedManifest) return refused("malformed", error.message);
    throw error;
  }
  const said = trustedCommentOf(manifest);
  if (verdict.trustedComment !== said) {
    return refused("comment", `the trusted comment of its signature does not say "${said}"`);
  }
  const manifestHash = hash("sha256", offered.manifest);
  const { keyId } = verdict;
  const { sequence, version } = manifest;
  const offeredKnown: Known = { sequence, version, manifestHash };
  const known = knownOf(lineOf(manifest));
  if (known === undefined || sequence > known.sequence || manifestHash === known.manifestHash) {
    return { is: "admitted", manifest, manifestHash, keyId, known: offeredKnown };
  }
  if (sequence === known.sequence) {
    return refused("ambiguous", `sequence ${sequence} is already another manifest, of version ${known.version}`);
  }
  if (override === undefined || override.manifestHash !== manifestHash) {
    const newest = `${known.version} (sequence ${known.sequence})`;
    return refused("older", `${version} (sequence ${sequence}) is older than ${newest}, which is known here`);
  }
  const { by, reason } = override;
  return { is: "admitted", manifest, manifestHash, keyId, known, rolledBack: { from: known, by, reason } };
}

function refused(why: Refusal, reason: string): Admission {
  return { is: "refused", why, reason };
}
