import type { KeyObject } from "node:crypto";

const EC: Readonly<Record<string, { readonly namedCurve: string; readonly hash: string }>> = {
  prime256v1: { namedCurve: "P-256", hash: "SHA-256" },
  secp384r1: { namedCurve: "P-384", hash: "SHA-384" },
};
const RSA_AT_LEAST = 2048;

/** What kinds of key a root may have, for people. */
export const KEY_KINDS = `ECDSA on P-256 or P-384, or RSA of at least ${RSA_AT_LEAST} bits`;

/** How a key signs, in the words of WebCrypto; undefined for one of a kind that is not taken. */
export function signingAlgorithmOf({ asymmetricKeyType: type, asymmetricKeyDetails: details = {} }: KeyObject) {
  if (type === "rsa") {
    const key = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
    return (details.modulusLength ?? 0) >= RSA_AT_LEAST ? { key, signing: key } : undefined;
  }
  const curve = type === "ec" && details.namedCurve !== undefined ? EC[details.namedCurve] : undefined;
  if (!curve) return undefined;
  const { namedCurve, hash } = curve;
  return { key: { name: "ECDSA", namedCurve }, signing: { name: "ECDSA", hash } };
}
