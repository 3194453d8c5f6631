import { execFile } from "node:child_process";
import { mkdtempSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const LAUNCHER = fileURLToPath(new URL("../../holdfast", import.meta.url));
const run = promisify(execFile);

test.each(["hub", "site", "agent"])("holdfast %s --help lists every setting with its variable", async (program) => {
  const { stdout } = await run(LAUNCHER, [program, "--help"]);
  expect(stdout).toContain(`usage: holdfast ${program}`);
  expect(stdout).toMatch(/--\S+ .*\(HOLDFAST_\w+\)/);
  expect(stdout).toContain("--log-level");
});

test.each(["hub", "site", "agent"])("holdfast %s refuses an option that it does not have", async (program) => {
  await expect(run(LAUNCHER, [program, "--nonsense"])).rejects.toMatchObject({
    stderr: expect.stringContaining("--nonsense"),
  });
});

test("a program that does not exist is refused with those that do", async () => {
  await expect(run(LAUNCHER, ["toaster"])).rejects.toMatchObject({ code: 2, stderr: expect.stringContaining("site") });
});

test("the launcher works through a link from elsewhere", async () => {
  const link = `${mkdtempSync(`${tmpdir()}/holdfast-link-`)}/holdfast`;
  symlinkSync(LAUNCHER, link);
  expect((await run(link, ["--version"])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  expect((await run(link, ["hub", "--help"])).stdout).toContain("usage: holdfast hub");
});
