import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { removeDurably, renameDurably, writeDurably, writeDurablyAside } from "./durable-file.ts";
import { askedOfDisk, askedOfDiskMeanwhile } from "./testing/asked-of-disk.ts";

function scratch(): string {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-durable-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

test("a file gets its name when its content is durable, and its name is durable when the writing is done", () => {
  const folder = scratch();
  const asked = askedOfDisk(folder, () => writeDurably(join(folder, "note"), "text"));
  expect(asked).toEqual(["sync note.tmp", "rename note.tmp to note", "sync ."]);
  expect(readFileSync(join(folder, "note"), "utf8")).toBe("text");
  expect(statSync(join(folder, "note")).mode & 0o777).toBe(0o600);
});

test("a file that is written while others are served is as durable, and nobody waits for the disk in place", async () => {
  const folder = scratch();
  const path = join(folder, "note");
  const asked = await askedOfDiskMeanwhile(folder, () => writeDurablyAside(path, "text"));
  expect(asked).toEqual(["sync note.tmp aside", "rename note.tmp to note", "sync . aside"]);
  expect([readFileSync(path, "utf8"), statSync(path).mode & 0o777]).toEqual(["text", 0o600]);
  symlinkSync("/dev/full", `${path}.tmp`);
  await expect(writeDurablyAside(path, "new")).rejects.toThrow("ENOSPC");
  expect([readFileSync(path, "utf8"), readdirSync(folder)]).toEqual(["text", ["note"]]);
});

test("a file that is renamed or removed has gone for good when that is done", () => {
  const folder = scratch();
  const [one, other] = [join(folder, "one"), join(folder, "other")];
  writeDurably(one, "text");
  expect(askedOfDisk(folder, () => renameDurably(one, other))).toEqual(["rename one to other", "sync ."]);
  expect(askedOfDisk(folder, () => removeDurably(other))).toEqual(["unlink other", "sync ."]);
  expect(readdirSync(folder)).toEqual([]);
});

test("removing what is not there does no harm", () => {
  removeDurably(join(scratch(), "never"));
});

test("a full disk leaves the old content, and nothing beside it", () => {
  const folder = scratch();
  const path = join(folder, "note");
  writeDurably(path, "old");
  // Whatever is written there is answered as by a full disk.
  symlinkSync("/dev/full", `${path}.tmp`);
  expect(() => writeDurably(path, "new")).toThrow("ENOSPC");
  expect(readdirSync(folder)).toEqual(["note"]);
  expect(readFileSync(path, "utf8")).toBe("old");
});
