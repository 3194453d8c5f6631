import { createCipheriv, createDecipheriv, hash, randomBytes } from "node:crypto";

const CIPHER = "aes-256-gcm";
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** How long a key is, in bytes. */
export const KEY_BYTES = 32;

/**
 * Encrypts with AES-256-GCM (NIST SP 800-38D) under a random nonce, which is good for some 2^32 values a key. What is sealed opens
 * with the same key and the same context alone. Base64url of nonce, ciphertext and tag.
 */
export function seal(key: Buffer, plain: Buffer, context: readonly string[]): string {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(Buffer.from(JSON.stringify(context)));
  const sealed = Buffer.concat([cipher.update(plain), cipher.final()]);
  return Buffer.concat([nonce, sealed, cipher.getAuthTag()]).toString("base64url");
}

/** What was sealed. Undefined when it was sealed by another key or in another context, or was changed. */
export function open(key: Buffer, sealed: string, context: readonly string[]): Buffer | undefined {
  const bytes = Buffer.from(sealed, "base64url");
  if (bytes.length < NONCE_BYTES + TAG_BYTES) return undefined;
  const decipher = createDecipheriv(CIPHER, key, bytes.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES });
  decipher.setAAD(Buffer.from(JSON.stringify(context)));
  decipher.setAuthTag(bytes.subarray(bytes.length - TAG_BYTES));
  try {
    return Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES, bytes.length - TAG_BYTES)), decipher.final()]);
  } catch {
    return undefined;
  }
}

/** By what a key is told from others without telling what it is. Keys are random, so it cannot be guessed back. */
export function keyId(key: Buffer): string {
  return hash("sha256", Buffer.concat([Buffer.from("holdfast secrets key "), key]), "hex").slice(0, 16);
}
