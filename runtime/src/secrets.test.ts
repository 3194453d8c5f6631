import { expect, test } from "vitest";
import { hashSecret, matchesHash, newSecret } from "./secrets.ts";

test("a secret opens its own hash and no other, and is not in it", () => {
  const secret = newSecret("hfo");
  expect(secret).toMatch(/^hfo_[\w-]{43}$/);
  expect(matchesHash(secret, hashSecret(secret))).toBe(true);
  expect(matchesHash(newSecret("hfo"), hashSecret(secret))).toBe(false);
  expect(matchesHash(secret, "")).toBe(false);
  expect(hashSecret(secret)).not.toContain(secret.slice(4, 12));
});
