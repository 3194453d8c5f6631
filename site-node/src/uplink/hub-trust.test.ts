import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLog } from "@holdfast/runtime";
import { afterAll, beforeAll, expect, test } from "vitest";
import { fetchFromHub, PINNED_FILE } from "./hub-trust.ts";

const FINGERPRINT = Array.from({ length: 32 }, () => "AB").join(":");

let home: string;
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), "holdfast-hub-trust-"));
});
afterAll(() => rmSync(home, { recursive: true }));

const by = (settings: { hubUrl?: string; hubRootFile?: string; hubRootFingerprint?: string }) =>
  fetchFromHub({ config: { home, hubUrl: "https://hub.test", ...settings }, log: silentLog });

test("a site that was told of no root trusts those of its machine", () => {
  expect(by({})).toBe(fetch);
});

test.each([
  [{ hubRootFile: "/none.pem" }, "--hub-root-file /none.pem: cannot be read"],
  [{ hubRootFingerprint: "AB:CD" }, '--hub-root-fingerprint "AB:CD": is no SHA-256 of a certificate'],
  [
    { hubRootFile: "/none.pem", hubRootFingerprint: FINGERPRINT },
    "--hub-root-file and --hub-root-fingerprint: say one",
  ],
  [
    { hubUrl: "http://hub.test", hubRootFingerprint: FINGERPRINT },
    "--hub-root-fingerprint: --hub-url http://hub.test is not",
  ],
  [
    { hubUrl: "http://hub.test", hubRootFile: "/none.pem" },
    "--hub-root-file: --hub-url http://hub.test is not https://",
  ],
])("settings that cannot be meant are refused by their names: %j", (settings, message) => {
  expect(() => by(settings)).toThrow(message);
});

test("a hub that is away is asked for its root again and again, and one that is stored and damaged is none", async () => {
  writeFileSync(join(home, PINNED_FILE), "damaged");
  let asked = 0;
  const server = createServer((socket) => {
    asked += 1;
    socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  const carry = by({ hubUrl: `https://127.0.0.1:${port}`, hubRootFingerprint: FINGERPRINT });
  for (const _ of [1, 2]) await expect(carry("https://127.0.0.1/")).rejects.toMatchObject({ code: "Unavailable" });
  expect(asked).toBe(2);
  // Two at once are one question.
  await Promise.allSettled([carry("https://127.0.0.1/"), carry("https://127.0.0.1/")]);
  expect(asked).toBe(3);
  await new Promise((resolve) => server.close(resolve));
});
