import { chmodSync, mkdtempSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { holdHome, writePrivate } from "./home.ts";
import { askedOfDisk } from "./testing/asked-of-disk.ts";

const folder = () => join(mkdtempSync(join(tmpdir(), "holdfast-home-")), "deep", "home");

test("a home is held by one program, and free again when it is closed", () => {
  const home = folder();
  const first = holdHome(home, "hub");
  expect(() => holdHome(home, "hub")).toThrow(`${home} is in use by another hub`);
  void first.close();
  void holdHome(home, "hub").close();
  expect(statSync(home).mode & 0o777).toBe(0o700);
});

test("a home that cannot be had is named, with the setting to change", () => {
  expect(() => holdHome("/dev/null/home", "hub")).toThrow(/^--home \/dev\/null\/home cannot be used/);
});

test("a folder that was there before keeps its rights: it may be everybody's", () => {
  const home = mkdtempSync(join(tmpdir(), "holdfast-home-"));
  chmodSync(home, 0o777);
  void holdHome(home, "hub").close();
  expect(statSync(home).mode & 0o777).toBe(0o777);
});

test("a private file is its owner's alone, also when it was not before", () => {
  const home = folder();
  void holdHome(home, "hub").close();
  writePrivate(join(home, "token"), "secret");
  writePrivate(join(home, "token"), "other");
  expect(readFileSync(join(home, "token"), "utf8")).toBe("other\n");
  expect(statSync(join(home, "token")).mode & 0o777).toBe(0o600);
});

test("a private file outlives a power cut, whole: it gets its name when its content is durable", () => {
  const home = folder();
  void holdHome(home, "hub").close();
  const asked = askedOfDisk(home, () => writePrivate(join(home, "token"), "secret"));
  expect(asked).toEqual(["sync token.tmp", "rename token.tmp to token", "sync ."]);
});

test("a private file does not take over the rights of what an earlier try has left beside it", () => {
  const home = folder();
  void holdHome(home, "hub").close();
  writeFileSync(join(home, "token.tmp"), "unfinished", { mode: 0o666 });
  chmodSync(join(home, "token.tmp"), 0o666);
  writePrivate(join(home, "token"), "secret");
  expect(statSync(join(home, "token")).mode & 0o777).toBe(0o600);
});
