import { generateKeyPairSync, sign, verify as verifyBytes } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { type AdmitOptions, admit, type Known, type Offered, type VerifySignature } from "./admit.ts";
import { chunkRange, isChunk, measureContent } from "./content.ts";
import { type Manifest, manifestText, readManifest, trustedCommentOf } from "./manifest.ts";

const CHUNK = 65_536;
const CONTENT = Buffer.from(Array.from({ length: CHUNK * 2 + 5 }, (_, at) => at % 251));

async function* pieces(of: Uint8Array, length: number) {
  for (let at = 0; at < of.length; at += length) yield of.subarray(at, at + length);
}

const measured = await measureContent(pieces(CONTENT, 1_000), CHUNK);

const MANIFEST: Manifest = {
  ...{ schema: 1, kind: "os-image", name: "debian", version: "12.8", sequence: 7 },
  ...{ architecture: "x86_64", bootMode: "uefi" },
  ...measured,
};

// The format of signatures is another module's; here a signature is its comment and 64 bytes over both.
const { privateKey, publicKey } = generateKeyPairSync("ed25519");
const over = (content: Uint8Array, comment: string) => Buffer.concat([content, Buffer.from(`\n${comment}`)]);
const verify: VerifySignature = ({ content, signature }) => {
  const [encoded = "", trustedComment = ""] = signature.split("\n");
  return verifyBytes(null, over(content, trustedComment), publicKey, Buffer.from(encoded, "base64"))
    ? { is: "verified", keyId: "K", trustedComment }
    : { is: "refused", reason: "not signed" };
};

function signed(change: Partial<Manifest> = {}, comment?: string): Offered {
  const manifest = { ...MANIFEST, ...change };
  const bytes = Buffer.from(`${JSON.stringify(manifest)}\n`);
  const trusted = comment ?? trustedCommentOf(manifest);
  const signature = `${sign(null, over(bytes, trusted), privateKey).toString("base64")}\n${trusted}`;
  return { manifest: bytes, signature };
}

const decide = (offered: Offered, known?: Known, more: Partial<AdmitOptions> = {}) =>
  admit(offered, { verify, known: () => known, ...more });

function knownAfter(offered: Offered, before?: Known): Known {
  const admission = decide(offered, before);
  if (admission.is === "refused") throw new Error(admission.reason);
  return admission.known;
}

test("a signed manifest is admitted, and its text reads back as what it was", () => {
  expect(readManifest(Buffer.from(manifestText(MANIFEST)))).toEqual(MANIFEST);
  expect(decide(signed())).toMatchObject({ is: "admitted", manifest: MANIFEST, keyId: "K" });
});

test("any changed byte of a manifest or of its comment is noticed", () => {
  const good = signed();
  const bytes = fc.tuple(fc.nat(good.manifest.length - 1), fc.integer({ min: 1, max: 255 }));
  fc.assert(
    fc.property(bytes, ([at, by]) => {
      const manifest = Buffer.from(good.manifest);
      manifest[at] = (manifest[at] ?? 0) ^ by;
      expect(decide({ ...good, manifest })).toMatchObject({ is: "refused", why: "signature" });
    }),
  );
  const signature = good.signature.replace("version:12.8", "version:12.9");
  expect(decide({ ...good, signature })).toMatchObject({ is: "refused", why: "signature" });
});

test("a comment that was signed and says something else than the manifest is refused", () => {
  for (const comment of ["", "version:12.8", trustedCommentOf({ ...MANIFEST, sequence: 8 })]) {
    expect(decide(signed({}, comment))).toMatchObject({ is: "refused", why: "comment" });
  }
});

test("what is newer is admitted, what is known already is so again, what is older is refused", () => {
  const known = knownAfter(signed());
  expect(decide(signed({ sequence: 8 }), known)).toMatchObject({ is: "admitted", known: { sequence: 8 } });
  expect(decide(signed(), known)).toMatchObject({ is: "admitted", known });
  expect(decide(signed({ sequence: 6, version: "12.9" }), known)).toEqual({
    ...{ is: "refused", why: "older" },
    reason: "12.9 (sequence 6) is older than 12.8 (sequence 7), which is known here",
  });
});

test("one sequence is one manifest: another of the same is refused, whoever wants it", () => {
  const other = signed({ version: "12.8-1" });
  const override = { manifestHash: knownAfter(other).manifestHash, by: "operator", reason: "broken" };
  expect(decide(other, knownAfter(signed()), { override })).toMatchObject({ is: "refused", why: "ambiguous" });
});

test("an operator's word lets in the one older manifest that it names, is told, and what is known stays the newest", () => {
  const known = knownAfter(signed());
  const older = signed({ sequence: 6 });
  const override = { manifestHash: knownAfter(older).manifestHash, by: "operator", reason: "7 does not boot" };
  expect(decide(older, known, { override })).toMatchObject({
    ...{ is: "admitted", known },
    rolledBack: { from: known, by: "operator", reason: "7 does not boot" },
  });
  expect(decide(signed({ sequence: 5 }), known, { override })).toMatchObject({ is: "refused", why: "older" });
  expect(decide({ ...older, signature: "" }, known, { override })).toMatchObject({ is: "refused", why: "signature" });
});

test("a line is a kind, a name and an architecture: the sequence of another does not count", () => {
  const asked: string[] = [];
  const known = (line: string) => void asked.push(line);
  for (const change of [{}, { name: "other" }, { architecture: "aarch64" }, { kind: "installer" }] as const) {
    expect(admit(signed(change), { verify, known }).is).toBe("admitted");
  }
  expect(new Set(asked).size).toBe(4);
});

test("however manifests arrive, the newest known never goes back", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 12 }), (sequences) => {
      let known: Known | undefined;
      for (const sequence of sequences) {
        const admission = decide(signed({ sequence }), known);
        expect(admission.is).toBe(sequence >= (known?.sequence ?? 0) ? "admitted" : "refused");
        if (admission.is === "admitted") known = admission.known;
      }
      expect(known?.sequence ?? 0).toBe(Math.max(0, ...sequences));
    }),
  );
});

test.each<[string, Record<string, unknown>, RegExp]>([
  ["no such kind", { kind: "script" }, /kind is missing or wrong/],
  ["a name that is a path", { name: "../x" }, /name is missing or wrong/],
  ["a version of two words", { version: "1 2" }, /version is missing or wrong/],
  ["sequence 0", { sequence: 0 }, /sequence is missing or wrong/],
  ["more than it should have", { command: "rm" }, /is missing or wrong/],
  ["another schema", { schema: 2 }, /schema is missing or wrong/],
  ["a chunk too few", { chunks: measured.chunks.slice(1) }, /2 chunks where its size makes 3/],
  ["a chunk that is not its content", { size: 5, chunks: measured.chunks.slice(1, 2) }, /only chunk/],
  ["no boot mode", { bootMode: undefined }, /without a bootMode/],
  ["a boot mode of an agent", { kind: "agent" }, /an agent with a bootMode/],
])("a manifest with %s is refused although it is signed", (_what, change, reason) => {
  expect(decide(signed(change as Partial<Manifest>))).toEqual({
    ...{ is: "refused", why: "malformed" },
    reason: expect.stringMatching(reason),
  });
});

test("what is no JSON or too long is no manifest", () => {
  expect(() => readManifest(Buffer.from("{"))).toThrow(/not JSON/);
  expect(() => readManifest(Buffer.from([0x22, 0xff, 0x22]))).toThrow(/not JSON/);
  expect(() => readManifest(Buffer.alloc(3 * 1024 * 1024, 0x20))).toThrow(/more than \d+ bytes/);
});

test("content is measured alike however it comes in pieces, and each chunk is known by its bytes alone", async () => {
  for (const length of [999, 65_535, 65_536, 65_537, 1_000_000]) {
    expect(await measureContent(pieces(CONTENT, length), CHUNK)).toEqual(measured);
  }
  for (const [index] of measured.chunks.entries()) {
    const { start, end } = chunkRange(measured, index);
    const bytes = Buffer.from(CONTENT.subarray(start, end));
    expect(isChunk(measured, index, bytes)).toBe(true);
    expect(isChunk(measured, index, bytes.subarray(1))).toBe(false);
    bytes[0] = (bytes[0] ?? 0) ^ 1;
    expect(isChunk(measured, index, bytes)).toBe(false);
  }
  expect(isChunk(measured, 3, new Uint8Array())).toBe(false);
});
