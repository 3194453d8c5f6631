import fc from "fast-check";
import { CompactSign, exportJWK, generateKeyPair } from "jose";
import { expect, test } from "vitest";
import {
  type Expected,
  judgeOrder,
  keyIdOf,
  type Order,
  type OrderKey,
  orderKeyId,
  signOrder,
  verifyOrder,
} from "./orders.ts";

const { privateKey, publicKey } = await generateKeyPair("EdDSA", { crv: "Ed25519" });
const { kty, crv, x } = await exportJWK(publicKey);
const KEY = { kty, crv, x } as OrderKey;
const KEY_ID = await orderKeyId(KEY);
const ORDER: Order = {
  ...{ site: "site-00000001", host: "host-0a1b2c3d", sequence: 8, id: "order-1", type: "power" },
  ...{ arguments: '{"action":"off"}', notAfter: 1_000 },
};
const EXPECTED: Expected = { site: "site-00000001", host: "host-0a1b2c3d", sequence: 7, now: 1_000 };
const SIGNED = await signOrder(ORDER, { key: privateKey, keyId: KEY_ID });

test("an order that its site has signed for this machine is valid, and names the key", async () => {
  expect(await verifyOrder(SIGNED, KEY, EXPECTED)).toEqual({ is: "valid", order: ORDER });
  expect(keyIdOf(SIGNED)).toBe(KEY_ID);
});

test.each<[string, Partial<Expected>, RegExp]>([
  ["of another machine", { host: "host-ffffffff" }, /is for host-0a1b2c3d, this is host-ffffffff/],
  ["of another site", { site: "site-00000002" }, /is of site-00000001/],
  ["that has expired", { now: 1_001 }, /^expired: .*1970-01-01T00:00:01.000Z/],
  ["that was carried out", { sequence: 8 }, /sequence is 8, and 8 was carried out already/],
  ["older than one that was carried out", { sequence: 9 }, /sequence is 8, and 9/],
])("an order %s is refused with its reason", async (_what, change, reason) => {
  const verdict = await verifyOrder(SIGNED, KEY, { ...EXPECTED, ...change });
  expect(verdict).toEqual({ is: "refused", reason: expect.stringMatching(reason) });
});

test("a machine whose clock proves nothing goes by the sequence alone", () => {
  expect(judgeOrder(ORDER, { ...EXPECTED, now: undefined })).toMatchObject({ is: "valid" });
});

test("any changed character of a signed order is noticed", async () => {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  await fc.assert(
    fc.asyncProperty(fc.nat(SIGNED.length - 2), fc.constantFrom(...alphabet, "."), async (at, character) => {
      fc.pre(SIGNED[at] !== character);
      const tampered = `${SIGNED.slice(0, at)}${character}${SIGNED.slice(at + 1)}`;
      expect(await verifyOrder(tampered, KEY, EXPECTED)).toMatchObject({ is: "refused" });
    }),
  );
});

test("what another key has signed, what is no order, and what is signed otherwise is refused", async () => {
  const other = await generateKeyPair("EdDSA", { crv: "Ed25519" });
  const forged = await signOrder(ORDER, { key: other.privateKey, keyId: KEY_ID });
  const sign = (payload: string, header: object) =>
    new CompactSign(Buffer.from(payload)).setProtectedHeader({ alg: "EdDSA", ...header }).sign(privateKey);
  const text = JSON.stringify(ORDER);
  const [, payload = ""] = SIGNED.split(".");
  const unsigned = `${Buffer.from('{"alg":"none","typ":"holdfast-order"}').toString("base64url")}.${payload}.`;
  const wrong = [
    ...[forged, unsigned, "", "a.b.c", "x".repeat(100_000)],
    await sign(text, { typ: "JWT" }),
    await sign("{}", { typ: "holdfast-order" }),
    await sign("[", { typ: "holdfast-order" }),
  ];
  for (const signed of wrong) expect(await verifyOrder(signed, KEY, EXPECTED)).toMatchObject({ is: "refused" });
  expect([keyIdOf(""), keyIdOf("a.b.c"), keyIdOf(unsigned)]).toEqual([undefined, undefined, undefined]);
});
