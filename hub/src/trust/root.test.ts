import { generateKeyPairSync, webcrypto, X509Certificate } from "node:crypto";
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hours, messageOf, silentLog, systemClock } from "@holdfast/runtime";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { issueRoot, issueServer } from "./issue.ts";
import { openRoot, PUBLIC_FILE, ROOT_FILE } from "./root.ts";
import { privatePem } from "./sign.ts";
import * as x509 from "./x509.ts";

const YEAR = hours(24 * 365);

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "holdfast-root-"));
});
afterEach(() => {
  rmSync(home, { recursive: true });
});

const open = (config = {}) => openRoot({ home, config, clock: systemClock, log: silentLog });

function file(name: string, content: string): string {
  const path = join(home, name);
  writeFileSync(path, content);
  return path;
}

test("a root is made at the first start, for its owner's eyes, and is the same at the next", async () => {
  const first = await open();
  expect(first.by).toBe("hub");
  expect(first.certificate).toMatchObject({ ca: true });
  expect(first.certificate.checkPrivateKey(first.key)).toBe(true);
  expect(statSync(join(home, ROOT_FILE)).mode & 0o777).toBe(0o600);
  const again = await open();
  expect(again.certificate.fingerprint256).toBe(first.certificate.fingerprint256);
});

test("what is to be given to others is the certificate alone", async () => {
  const { certificate } = await open();
  const text = readFileSync(join(home, PUBLIC_FILE), "utf8");
  expect(new X509Certificate(text).fingerprint256).toBe(certificate.fingerprint256);
  expect(text).not.toContain("PRIVATE KEY");
});

test("a copy that was lost or changed is written again", async () => {
  const { certificate } = await open();
  file(PUBLIC_FILE, "another");
  await open();
  expect(readFileSync(join(home, PUBLIC_FILE), "utf8")).toBe(certificate.toString());
});

describe("a root of the hub's own that is damaged", () => {
  test.each([
    ["is empty", () => ""],
    ["was cut off", (text: string) => text.slice(0, text.length / 2)],
    ["has no key", (text: string) => text.slice(text.indexOf("-----BEGIN CERTIFICATE"))],
  ])("is refused, named, and left as it is when it %s", async (_, damage) => {
    await open();
    const path = join(home, ROOT_FILE);
    const left = damage(readFileSync(path, "utf8"));
    writeFileSync(path, left);
    await expect(open()).rejects.toThrow(`${path} is damaged`);
    expect(readFileSync(path, "utf8")).toBe(left);
  });

  test("is refused when key and certificate are of two roots", async () => {
    await open();
    const path = join(home, ROOT_FILE);
    const own = readFileSync(path, "utf8");
    const other = await issueRoot({ notBefore: Date.now(), notAfter: Date.now() + YEAR });
    writeFileSync(path, `${other.key}\n${own.slice(own.indexOf("-----BEGIN CERTIFICATE"))}`);
    await expect(open()).rejects.toThrow("its key and its certificate do not fit");
  });
});

/** An operator's root of any kind of key, in two files. */
async function rootOf(algorithm: webcrypto.EcKeyGenParams | webcrypto.RsaHashedKeyGenParams, valid = [-YEAR, YEAR]) {
  const keys = (await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"])) as webcrypto.CryptoKeyPair;
  const [before = 0, after = 0] = valid;
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: "CN=Example root",
    notBefore: new Date(Date.now() + before),
    notAfter: new Date(Date.now() + after),
    keys,
    signingAlgorithm: { ...algorithm, hash: "SHA-256" },
    extensions: [new x509.BasicConstraintsExtension(true, undefined, true)],
  });
  return {
    rootCertificateFile: file("own.pem", certificate.toString("pem")),
    rootKeyFile: file("own-key.pem", privatePem(keys.privateKey)),
  };
}

const P256 = { name: "ECDSA", namedCurve: "P-256" };
const rsa = (modulusLength: number) => ({
  ...{ name: "RSASSA-PKCS1-v1_5", modulusLength, hash: "SHA-256" },
  publicExponent: new Uint8Array([1, 0, 1]),
});

describe("an operator's own root", () => {
  test.each([
    ["ECDSA on P-256", P256],
    ["ECDSA on P-384", { name: "ECDSA", namedCurve: "P-384" }],
    ["RSA of 2048 bits", rsa(2048)],
  ])("is taken with a key of %s, signs, and nothing is made beside it", async (_, algorithm) => {
    const root = await open(await rootOf(algorithm));
    expect(root.by).toBe("operator");
    expect(() => statSync(join(home, ROOT_FILE))).toThrow("ENOENT");
    const { certificate } = await issueServer({ root, names: ["hub.test"], notBefore: 0, notAfter: Date.now() + YEAR });
    const server = new X509Certificate(certificate);
    expect(server.checkIssued(root.certificate)).toBe(true);
    expect(server.verify(root.certificate.publicKey)).toBe(true);
    expect(server.subjectAltName).toBe("DNS:hub.test");
  });

  test.each([
    ["ECDSA on P-521", { name: "ECDSA", namedCurve: "P-521" }],
    ["RSA of 1024 bits", rsa(1024)],
  ])("is refused with a key of %s, and what is taken is said", async (_, algorithm) => {
    const config = await rootOf(algorithm);
    await expect(open(config)).rejects.toThrow(/^--root-key-file .*: is of a kind that is not taken; what is: ECDSA/);
  });

  test.each([
    ["has expired", [-YEAR, -hours(1)], /^--root-certificate-file .*: has expired on 20/],
    ["is to come", [hours(1), YEAR], /^--root-certificate-file .*: is good from 20.* on, which is to come/],
  ])("is refused when it %s", async (_, valid, message) => {
    expect(await open(await rootOf(P256, valid)).catch(messageOf)).toMatch(message);
  });

  test("is two files, and the one that is missing is asked for", async () => {
    const { rootCertificateFile, rootKeyFile } = await rootOf(P256);
    await expect(open({ rootCertificateFile })).rejects.toThrow("--root-key-file is needed with");
    await expect(open({ rootKeyFile })).rejects.toThrow("--root-certificate-file is needed with");
    const none = join(home, "none.pem");
    await expect(open({ rootCertificateFile: none, rootKeyFile })).rejects.toThrow(
      `--root-certificate-file ${none}: cannot be read`,
    );
  });

  test("is refused when a file holds something else, without a word of what it holds", async () => {
    const config = await rootOf(P256);
    const rootKeyFile = file("no-key.pem", "hunter2");
    const said = await open({ ...config, rootKeyFile }).catch(messageOf);
    expect(said).toBe(`--root-key-file ${rootKeyFile}: holds no private key without a passphrase in PEM`);
  });

  test("is refused when its key has a passphrase", async () => {
    const config = await rootOf(P256);
    const { privateKey } = generateKeyPairSync("ec", {
      namedCurve: "P-256",
      publicKeyEncoding: { type: "spki", format: "pem" },
      privateKeyEncoding: { type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "hunter2" },
    });
    const rootKeyFile = file("locked.pem", privateKey);
    await expect(open({ ...config, rootKeyFile })).rejects.toThrow("holds no private key without a passphrase");
  });

  test("is refused when its key is another's", async () => {
    const { rootCertificateFile } = await rootOf(P256);
    const kept = file("first.pem", readFileSync(rootCertificateFile, "utf8"));
    const { rootKeyFile } = await rootOf(P256);
    await expect(open({ rootCertificateFile: kept, rootKeyFile })).rejects.toThrow(
      `--root-key-file ${rootKeyFile}: does not fit the certificate ${kept}`,
    );
  });

  test("is refused when it is no authority, or another has signed it", async () => {
    const root = await open();
    const server = await issueServer({ root, names: ["hub.test"], notBefore: 0, notAfter: Date.now() + YEAR });
    const config = { rootCertificateFile: file("c.pem", server.certificate), rootKeyFile: file("k.pem", server.key) };
    await expect(open(config)).rejects.toThrow("is not that of a certificate authority");
  });
});

test("a root that cannot be read is refused by its path", async () => {
  await open();
  const path = join(home, ROOT_FILE);
  rmSync(path);
  // As root, who reads everything, a folder in its place stands for a file without rights.
  chmodSync(home, 0o700);
  await import("node:fs").then(({ mkdirSync }) => mkdirSync(path));
  await expect(open()).rejects.toThrow(`${path} cannot be read`);
});
