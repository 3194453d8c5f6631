import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { admit } from "@holdfast/protocol/manifest/admit";
import { readPublicKey, readSecretKey } from "@holdfast/runtime/minisign/format";
import { signMinisign, verifyMinisign } from "@holdfast/runtime/minisign/minisign";
import { expect, test } from "vitest";

function minisign(folder: string, ...list: string[]) {
  const { status, stdout, stderr, error } = spawnSync("minisign", list, { cwd: folder, encoding: "utf8", input: "" });
  expect(error).toBeUndefined();
  return { status, text: `${stdout}${stderr}` };
}

function inFolder(work: (folder: string) => void) {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-minisign-"));
  try {
    expect(minisign(folder, "-G", "-W", "-p", "key.pub", "-s", "key.secret")).toMatchObject({ status: 0 });
    writeFileSync(join(folder, "content"), "What is signed.\n");
    work(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test("minisign verifies what Holdfast signs with a key that minisign made, and nothing else", () => {
  inFolder((folder) => {
    const secret = readSecretKey(readFileSync(join(folder, "key.secret"), "utf8"));
    const trusted = "sequence:7 sha256:00 ümläute\tand a tab";
    const signature = signMinisign(readFileSync(join(folder, "content")), secret, { trusted });
    writeFileSync(join(folder, "content.minisig"), signature);
    const good = minisign(folder, "-V", "-p", "key.pub", "-m", "content");
    expect(good).toMatchObject({ status: 0, text: expect.stringContaining(trusted) });
    writeFileSync(join(folder, "content.minisig"), signature.replace("sequence:7", "sequence:8"));
    expect(minisign(folder, "-V", "-p", "key.pub", "-m", "content").status).not.toBe(0);
  });
});

test.each([["prehashed"], ["legacy", "-l"]])("Holdfast verifies what minisign signs, %s", (_what, ...flags) => {
  inFolder((folder) => {
    const list = ["-S", "-W", ...flags, "-s", "key.secret", "-m", "content", "-t", "sequence:7"];
    expect(minisign(folder, ...list)).toMatchObject({ status: 0 });
    const keys = [readPublicKey(readFileSync(join(folder, "key.pub"), "utf8"))];
    const signature = readFileSync(join(folder, "content.minisig"), "utf8");
    const content = readFileSync(join(folder, "content"));
    expect(verifyMinisign({ content, signature }, keys)).toMatchObject({
      is: "verified",
      trustedComment: "sequence:7",
    });
    expect(verifyMinisign({ content: content.subarray(1), signature }, keys)).toMatchObject({ is: "refused" });
  });
});

test("a manifest made by npm run manifest is admitted, signed by it or by minisign with the command that it prints", () => {
  inFolder((folder) => {
    const make = (...list: string[]) => {
      const flags = ["--kind", "os-image", "--name", "debian", "--release", "12.8", "--sequence", "7"];
      const path = join(import.meta.dirname, "../../scripts/manifest.ts");
      const all = [path, "content", ...flags, "--architecture", "x86_64", ...list];
      return spawnSync(process.execPath, all, { cwd: folder, encoding: "utf8" });
    };
    const keys = [readPublicKey(readFileSync(join(folder, "key.pub"), "utf8"))];
    const admitted = () => {
      const manifest = readFileSync(join(folder, "content.manifest.json"));
      const signature = readFileSync(join(folder, "content.manifest.json.minisig"), "utf8");
      const verify = (claim: { content: Uint8Array; signature: string }) => verifyMinisign(claim, keys);
      return admit({ manifest, signature }, { verify, known: () => undefined });
    };
    expect(make("--secret-key", "key.secret")).toMatchObject({ status: 1, stderr: expect.stringMatching(/bootMode/) });
    expect(make("--boot-mode", "uefi", "--secret-key", "key.secret")).toMatchObject({ status: 0, stderr: "" });
    expect(admitted()).toMatchObject({ is: "admitted", manifest: { version: "12.8", sequence: 7, size: 16 } });
    expect(minisign(folder, "-V", "-p", "key.pub", "-m", "content.manifest.json")).toMatchObject({ status: 0 });

    expect(make("--boot-mode", "uefi")).toMatchObject({ status: 1, stderr: expect.stringMatching(/is there already/) });
    for (const ending of ["", ".minisig"]) rmSync(join(folder, `content.manifest.json${ending}`));
    const [, comment = ""] = make("--boot-mode", "uefi").stdout.match(/ -t '(.*)'/) ?? [];
    const list = ["-S", "-W", "-s", "key.secret", "-m", "content.manifest.json", "-t", comment];
    expect(minisign(folder, ...list)).toMatchObject({ status: 0 });
    expect(admitted()).toMatchObject({ is: "admitted" });
  });
});
