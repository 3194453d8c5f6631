import { Fault, systemCode } from "./errors.ts";

/** What a person does about each error of TLS. The names are OpenSSL's and Node's. */
const REASONS: Readonly<Record<string, string>> = {
  ...sameFor(
    [
      "SELF_SIGNED_CERT_IN_CHAIN",
      "DEPTH_ZERO_SELF_SIGNED_CERT",
      "UNABLE_TO_GET_ISSUER_CERT",
      "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
      "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
      "CERT_SIGNATURE_FAILURE",
      "INVALID_CA",
    ],
    "is not signed by a root that is trusted here: give the root's file or fingerprint, as the hub shows it when it starts; if it was given, this is another hub, or somebody stands between",
  ),
  CERT_HAS_EXPIRED: "has expired: look at the clocks of both machines, and at the hub's log",
  CERT_NOT_YET_VALID: "is not good yet: look at the clocks of both machines",
  ERR_TLS_CERT_ALTNAME_INVALID: "is for other names: say this one in the hub's --tls-names, or use one that it has",
  INVALID_PURPOSE: "is not that of a server",
};

/** Speaking failed before there was a certificate: both sides mean different things. */
const NO_TLS: Readonly<Record<string, string>> = {
  ...sameFor(
    ["ERR_SSL_WRONG_VERSION_NUMBER", "ERR_SSL_PACKET_LENGTH_TOO_LONG"],
    "does not speak TLS: is it http:// there?",
  ),
  ...sameFor(
    ["ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION", "ERR_SSL_UNSUPPORTED_PROTOCOL"],
    "speaks no TLS 1.3, and nothing older is spoken here",
  ),
};

/** An error of a connection in words that say what to do; undefined for one that is not about trust. A Fault stays as it is. */
export function tlsFault(error: unknown, origin: string): Fault | undefined {
  for (let at = error, depth = 0; at instanceof Error && depth < 8; at = at.cause, depth += 1) {
    if (at instanceof Fault) return at;
    const code = systemCode(at) ?? "";
    if (Object.hasOwn(REASONS, code))
      return new Fault("FailedPrecondition", `the certificate of ${origin} ${REASONS[code]} (${code})`, { cause: at });
    if (Object.hasOwn(NO_TLS, code))
      return new Fault("FailedPrecondition", `${origin} ${NO_TLS[code]} (${code})`, { cause: at });
  }
  return undefined;
}

function sameFor(codes: readonly string[], reason: string): Readonly<Record<string, string>> {
  return Object.fromEntries(codes.map((code) => [code, reason]));
}
