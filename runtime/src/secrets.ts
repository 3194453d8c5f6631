import { hash as digest, randomBytes, timingSafeEqual } from "node:crypto";

/** A new random secret of 256 bits behind a prefix that says what it opens: `hfo_…` an operator's, `hfs_…` a site's. */
export function newSecret(prefix: string): string {
  return `${prefix}_${randomBytes(32).toString("base64url")}`;
}

/** What is stored of a secret. Secrets are random and long, so a plain SHA-256 cannot be guessed back. Hex. */
export function hashSecret(secret: string): string {
  return digest("sha256", secret, "hex");
}

/** Whether a secret has this hash, in time that does not depend on where they differ. */
export function matchesHash(secret: string, hash: string): boolean {
  const [given, stored] = [Buffer.from(hashSecret(secret), "hex"), Buffer.from(hash, "hex")];
  return given.length === stored.length && timingSafeEqual(given, stored);
}
