import { createPrivateKey, createPublicKey, hash, type KeyObject, sign, verify } from "node:crypto";
import { Fault, messageOf } from "../errors.ts";
import { type PublicKey, readSignature, type SecretKey, type Signature, signatureText } from "./format.ts";

/** Whether content is signed by one of the keys. What is said beside `verified` was signed too. */
export type Verdict =
  | { readonly is: "verified"; readonly keyId: string; readonly trustedComment: string }
  | { readonly is: "refused"; readonly reason: string };

export interface Claim {
  readonly content: Uint8Array;
  /** The text of the `.minisig` file, whatever is in it. */
  readonly signature: string;
}

/** Checks content against a signature, by the key that the signature names. Nothing in the claim makes it throw. */
export function verifyMinisign({ content, signature: text }: Claim, keys: readonly PublicKey[]): Verdict {
  let signature: Signature;
  try {
    signature = readSignature(text);
  } catch (error) {
    return refused(messageOf(error));
  }
  const named = keys.filter(({ id }) => id === signature.keyId);
  if (named.length === 0) return refused(`signed by key ${signature.keyId}, which is not trusted here`);
  const signed = signedBytes(signature.algorithm, content);
  // An id is eight random bytes that anybody may copy: two keys may bear the same.
  const signer = named.find((key) => verify(null, signed, publicKeyObject(key), signature.signature));
  if (signer === undefined) return refused(`the content is not what key ${signature.keyId} has signed`);
  if (!verify(null, commentBytes(signature), publicKeyObject(signer), signature.globalSignature)) {
    return refused(`the trusted comment is not what key ${signature.keyId} has signed`);
  }
  return { is: "verified", keyId: signer.id, trustedComment: signature.trustedComment };
}

export interface Comments {
  readonly trusted: string;
  readonly untrusted?: string;
}

/** The text of a `.minisig` file for content, prehashed. Throws InvalidArgument when a comment does not fit in one line. */
export function signMinisign(content: Uint8Array, key: SecretKey, { trusted, untrusted }: Comments): string {
  const secret = privateKeyObject(key);
  const signature = sign(null, signedBytes("ED", content), secret);
  return signatureText({
    algorithm: "ED",
    keyId: key.id,
    signature,
    untrustedComment: untrusted ?? `signature of key ${key.id}`,
    trustedComment: trusted,
    globalSignature: sign(null, commentBytes({ signature, trustedComment: trusted }), secret),
  });
}

function signedBytes(algorithm: Signature["algorithm"], content: Uint8Array): Uint8Array {
  return algorithm === "Ed" ? content : hash("blake2b512", content, "buffer");
}

function commentBytes({ signature, trustedComment }: Pick<Signature, "signature" | "trustedComment">): Uint8Array {
  return Buffer.concat([signature, Buffer.from(trustedComment)]);
}

function publicKeyObject({ key }: PublicKey): KeyObject {
  return createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x: base64url(key) }, format: "jwk" });
}

function privateKeyObject({ seed, key }: SecretKey): KeyObject {
  const secret = createPrivateKey({
    key: { kty: "OKP", crv: "Ed25519", d: base64url(seed), x: base64url(key) },
    format: "jwk",
  });
  // A file whose halves do not belong together would sign what its public key never verifies.
  const derived = createPublicKey(secret).export({ format: "jwk" });
  if (derived.x !== base64url(key)) throw new Fault("InvalidArgument", "not a minisign secret key: its halves differ");
  return secret;
}

function base64url(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64url");
}

function refused(reason: string): Verdict {
  return { is: "refused", reason };
}
