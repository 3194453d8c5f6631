import { readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import { publicKeyText, readPublicKey, readPublicKeys, readSecretKey, readSignature, signatureText } from "./format.ts";
import { signMinisign, verifyMinisign } from "./minisign.ts";

const fixture = (name: string) => readFileSync(new URL(`../../fixtures/minisign/${name}`, import.meta.url));
const text = (name: string) => fixture(name).toString();

const KEY = readPublicKey(text("key.pub"));
const OTHER = readPublicKey(text("other.pub"));
const CONTENT = fixture("content");
const SIGNATURE = text("content.minisig");
const COMMENT = "version:1.2.3 sha256:00";

test.each(["content.minisig", "content.legacy.minisig"])("%s, which minisign wrote, is verified", (name) => {
  const verdict = verifyMinisign({ content: CONTENT, signature: text(name) }, [OTHER, KEY]);
  expect(verdict).toEqual({ is: "verified", keyId: KEY.id, trustedComment: COMMENT });
});

test("a key is read from its file, and from its second line alone", () => {
  expect(KEY.id).toBe("90C74C43987B503A");
  expect(readPublicKey(text("key.pub").split("\n")[1] ?? "")).toEqual(KEY);
  expect(readPublicKey(publicKeyText(KEY))).toEqual(KEY);
});

test("a file may hold several keys, one after the other, and has to hold one", () => {
  expect(readPublicKeys(`${text("key.pub")}\n${text("other.pub")}`)).toEqual([KEY, OTHER]);
  expect(() => readPublicKeys("untrusted comment: none\n")).toThrow(/holds no key/);
  expect(() => readPublicKeys(text("key.pub").repeat(17))).toThrow(/more than 16 keys/);
  expect(() => readPublicKeys(text("key.secret"))).toThrow(/158 bytes, not 42/);
});

test("what is signed here is verified, also after its text was read and written", () => {
  const signature = signMinisign(CONTENT, readSecretKey(text("key.secret")), { trusted: "sequence:7" });
  expect(signatureText(readSignature(signature))).toBe(signature);
  const verdict = verifyMinisign({ content: CONTENT, signature }, [KEY]);
  expect(verdict).toEqual({ is: "verified", keyId: KEY.id, trustedComment: "sequence:7" });
});

test("a key that is not trusted is refused by its id, also when the right key is copied under that id", () => {
  const other = { content: CONTENT, signature: text("content.other.minisig") };
  expect(verifyMinisign(other, [KEY])).toMatchObject({ reason: expect.stringContaining(OTHER.id) });
  expect(verifyMinisign(other, [])).toMatchObject({ is: "refused" });
  const copied = verifyMinisign(other, [{ id: OTHER.id, key: KEY.key }]);
  expect(copied).toMatchObject({ reason: expect.stringContaining("the content is not what key") });
  expect(verifyMinisign(other, [{ id: OTHER.id, key: KEY.key }, OTHER])).toMatchObject({ is: "verified" });
});

test("no byte of the content can be changed, added or taken away", () => {
  const content = Buffer.from(CONTENT);
  const changed = fc.tuple(fc.nat(content.length - 1), fc.integer({ min: 1, max: 255 }));
  const isVerified = (of: Uint8Array) => verifyMinisign({ content: of, signature: SIGNATURE }, [KEY]).is === "verified";
  fc.assert(
    fc.property(changed, ([at, by]) => {
      const tampered = Buffer.from(content);
      tampered[at] = (tampered[at] ?? 0) ^ by;
      expect(isVerified(tampered)).toBe(false);
    }),
  );
  expect(isVerified(content.subarray(0, -1))).toBe(false);
  expect(isVerified(Buffer.concat([content, Buffer.from([0])]))).toBe(false);
  expect(isVerified(content)).toBe(true);
});

test.each(["content.minisig", "content.legacy.minisig"])(
  "every byte of %s counts, but for its untrusted comment",
  (name) => {
    const good = fixture(name);
    const begin = good.indexOf("\n");
    for (let at = begin; at < good.length; at += 1) {
      for (const bit of [0x01, 0x02, 0x20, 0x40, 0x80]) {
        const tampered = Buffer.from(good);
        tampered[at] = (tampered[at] ?? 0) ^ bit;
        const verdict = verifyMinisign({ content: CONTENT, signature: tampered.toString() }, [KEY]);
        expect({ at, bit, is: verdict.is }).toEqual({ at, bit, is: "refused" });
      }
    }
  },
);

test("a trusted comment of another signature does not pass, nor a hashed signature as one of the content", () => {
  const [first, signed, , global] = SIGNATURE.split("\n");
  const [, legacy, comment, legacyGlobal] = text("content.legacy.minisig").split("\n");
  const mixed = [first, signed, comment, legacyGlobal, ""].join("\n");
  expect(verifyMinisign({ content: CONTENT, signature: mixed }, [KEY])).toMatchObject({
    reason: expect.stringContaining("the trusted comment is not what"),
  });
  const bytes = Buffer.from(signed ?? "", "base64");
  bytes.write("Ed", "latin1");
  const asLegacy = [first, bytes.toString("base64"), comment, global, ""].join("\n");
  expect(verifyMinisign({ content: CONTENT, signature: asLegacy }, [KEY])).toMatchObject({ is: "refused" });
  expect(legacy).not.toBe(signed);
});

const [FIRST = "", SECOND = "", THIRD = "", FOURTH = ""] = SIGNATURE.split("\n");
const short = Buffer.from(SECOND, "base64").subarray(1).toString("base64");

test.each<[string, string, RegExp]>([
  ["nothing", "", /0 lines, not 4/],
  ["a line too few", [FIRST, SECOND, THIRD].join("\n"), /3 lines, not 4/],
  ["a line too many", `${SIGNATURE}\n`, /5 lines, not 4/],
  ["no prefix", [SECOND, SECOND, THIRD, FOURTH].join("\n"), /does not begin with "untrusted comment:"/],
  ["no trusted prefix", [FIRST, SECOND, FIRST, FOURTH].join("\n"), /does not begin with "trusted comment:"/],
  ["a short signature", [FIRST, short, THIRD, FOURTH].join("\n"), /73 bytes, not 74/],
  ["a short second signature", [FIRST, SECOND, THIRD, "AAAA"].join("\n"), /3 bytes, not 64/],
  ["no base64", [FIRST, `${SECOND.slice(0, -1)} `, THIRD, FOURTH].join("\n"), /not base64/],
  ["another algorithm", [FIRST, `A${SECOND.slice(1)}`, THIRD, FOURTH].join("\n"), /neither Ed nor ED/],
  ["a control character", [FIRST, SECOND, `${THIRD}\u001b[2J`, FOURTH].join("\n"), /cannot be printed/],
  ["text that was no UTF-8", [FIRST, SECOND, `${THIRD}\ufffd`, FOURTH].join("\n"), /cannot be printed/],
  ["a long comment", [FIRST + "x".repeat(1024), SECOND, THIRD, FOURTH].join("\n"), /comment of 1024 bytes or more/],
  ["a long file", "x".repeat(1_000_000), /more than \d+ characters/],
])("a signature with %s is refused with what is wrong", (_what, signature, reason) => {
  expect(verifyMinisign({ content: CONTENT, signature }, [KEY])).toEqual({
    is: "refused",
    reason: expect.stringMatching(reason),
  });
});

test("any text is verified or refused, and never throws", () => {
  fc.assert(
    fc.property(
      fc.string({ maxLength: 400 }),
      fc.array(fc.constantFrom(FIRST, SECOND, THIRD, FOURTH)),
      (any, lines) => {
        for (const signature of [any, lines.join("\n"), [...lines, any].join("\n")]) {
          expect(["verified", "refused"]).toContain(verifyMinisign({ content: CONTENT, signature }, [KEY]).is);
        }
      },
    ),
  );
});

test.each<[string, string, RegExp]>([
  ["nothing", "", /0 lines/],
  ["three lines", "a\nb\nc", /3 lines/],
  ["a secret key", text("key.secret"), /158 bytes, not 42/],
  ["no base64", "RWQ6?", /not base64/],
  ["another algorithm", publicKeyText(KEY).replace("\nRWQ", "\nRXQ"), /not Ed25519/],
])("a public key that is %s is refused", (_what, of, reason) => {
  expect(() => readPublicKey(of)).toThrow(reason);
});

test("a secret key that a password protects, or whose halves differ, signs nothing", () => {
  expect(() => readSecretKey(text("protected.secret"))).toThrow(/protected by a password/);
  const key = readSecretKey(text("key.secret"));
  expect(() => signMinisign(CONTENT, { ...key, key: OTHER.key }, { trusted: "" })).toThrow(/halves differ/);
  expect(() => signMinisign(CONTENT, key, { trusted: "two\nlines" })).toThrow(/cannot be printed/);
});
