import { createPublicKey, KeyObject, randomBytes, webcrypto, type X509Certificate } from "node:crypto";
import { signingAlgorithmOf } from "./key-kind.ts";
import * as x509 from "./x509.ts";

// Loaded only by whoever is about to issue something: it takes a tenth of a second and some 20 MB.

const { subtle } = webcrypto;
const P256 = { name: "ECDSA", namedCurve: "P-256" } as const;

/** Milliseconds since the epoch. */
export interface Validity {
  readonly notBefore: number;
  readonly notAfter: number;
}

/** Who signs: an authority's certificate with its private key, of a kind that `key-kind.ts` takes. */
export interface Authority {
  readonly certificate: X509Certificate;
  readonly key: KeyObject;
}

/** What a certificate is to say. */
export interface Subject extends Validity {
  /** RFC 4514, such as `CN=Holdfast hub`. */
  readonly name: string;
  readonly publicKey: webcrypto.CryptoKey;
  /** Beside the identifiers of the two keys. */
  readonly extensions: readonly x509.Extension[];
}

/** A certificate that an authority has signed. */
export async function sign(by: Authority, subject: Subject): Promise<x509.X509Certificate> {
  const algorithm = signingAlgorithmOf(by.key);
  if (!algorithm) throw new TypeError("an authority with such a key is not taken");
  const { publicKey } = by.certificate;
  const issuerKey = createPublicKey(publicKey.export({ type: "spki", format: "pem" })).toCryptoKey(
    algorithm.key,
    true,
    ["verify"],
  );
  return await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    notBefore: new Date(subject.notBefore),
    notAfter: new Date(subject.notAfter),
    subject: subject.name,
    issuer: new x509.X509Certificate(by.certificate.raw).subjectName,
    publicKey: subject.publicKey,
    signingKey: by.key.toCryptoKey(algorithm.key, false, ["sign"]),
    signingAlgorithm: algorithm.signing,
    extensions: [
      ...subject.extensions,
      await x509.SubjectKeyIdentifierExtension.create(subject.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(issuerKey),
    ],
  });
}

/** A new key, ECDSA on P-256. */
export async function makeKeys(): Promise<webcrypto.CryptoKeyPair> {
  return await subtle.generateKey(P256, true, ["sign", "verify"]);
}

/** A private key as PEM, PKCS #8. */
export function privatePem(key: webcrypto.CryptoKey): string {
  return KeyObject.from(key).export({ type: "pkcs8", format: "pem" }).toString().trimEnd();
}

/** 127 random bits, positive. RFC 5280 §4.1.2.2 */
export function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes.toString("hex");
}
