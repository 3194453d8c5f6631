import { execFileSync } from "node:child_process";
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readHardware } from "./read.ts";
import { openTree, type Tree } from "./tree.ts";

let outer: string;
let root: string;
let tree: Tree;
beforeEach(async () => {
  outer = await mkdtemp(join(tmpdir(), "holdfast-tree-"));
  await chmod(outer, 0o755);
  root = join(outer, "machine");
  await mkdir(join(root, "sys/class"), { recursive: true });
  await mkdir(join(root, "sys/devices/nic"), { recursive: true });
  await writeFile(join(root, "sys/devices/nic/address"), "02:00:00:00:00:01\n");
  await writeFile(join(outer, "secret"), "outside\n");
  tree = openTree({ root });
});
afterEach(() => rm(outer, { recursive: true, force: true }));

/** File permissions do not bind root: as root, this does the work as somebody else. */
async function withoutPrivileges<T>(work: () => Promise<T>): Promise<T> {
  if (process.getuid?.() !== 0) return work();
  process.seteuid?.(65534);
  try {
    return await work();
  } finally {
    process.seteuid?.(0);
  }
}

test("links are followed inside the tree, relative and absolute ones, as on the machine itself", async () => {
  await symlink("../devices/nic", join(root, "sys/class/relative"));
  await symlink("/sys/devices/nic", join(root, "sys/class/absolute"));
  expect(await tree.text("/sys/class/relative/address")).toBe("02:00:00:00:00:01");
  expect(await tree.text("/sys/class/absolute/address")).toBe("02:00:00:00:00:01");
  expect(await tree.link("/sys/class/relative")).toBe("/sys/devices/nic");
  expect(tree.unreadable()).toEqual([]);
});

test("a link that climbs out of the tree is not followed, and is named", async () => {
  await symlink("../../../secret", join(root, "sys/class/file"));
  await symlink("../../..", join(root, "sys/class/directory"));
  expect(await tree.text("/sys/class/file")).toBeUndefined();
  expect(await tree.list("/sys/class/directory")).toBeUndefined();
  expect(await tree.link("/sys/class/file")).toBeUndefined();
  expect(await tree.text("/sys/class/directory/secret")).toBeUndefined();
  expect(tree.unreadable()).toEqual([
    "/sys/class/directory/secret: leads out of the tree",
    "/sys/class/directory: leads out of the tree",
    "/sys/class/file: leads out of the tree",
  ]);
});

test("an absolute link to a file outside reads nothing of the machine that reads", async () => {
  await symlink(join(outer, "secret"), join(root, "sys/class/file"));
  expect(await tree.text("/sys/class/file")).toBeUndefined();
});

test("links in a circle end, and are named", async () => {
  await symlink("b", join(root, "sys/class/a"));
  await symlink("a", join(root, "sys/class/b"));
  expect(await tree.text("/sys/class/a")).toBeUndefined();
  expect(tree.unreadable()).toEqual(["/sys/class/a: too many symbolic links"]);
});

test("a file larger than its reader accepts is not held in memory, and is named", async () => {
  await writeFile(join(root, "huge"), Buffer.alloc(3 * 1024 * 1024, "x"));
  expect(await tree.bytes("/huge", { limit: 1000 })).toBeUndefined();
  expect(tree.unreadable()).toEqual(["/huge: larger than 1000 bytes"]);
  expect(await tree.bytes("/huge", { limit: 1000, beginning: true })).toHaveLength(1000);
  expect(await tree.bytes("/huge", { limit: 3 * 1024 * 1024 })).toHaveLength(3 * 1024 * 1024);
});

test("a huge file in a machine's tree leaves its field unknown", async () => {
  await mkdir(join(root, "proc"));
  await writeFile(join(root, "proc/meminfo"), `MemTotal: 1 kB\n${"x".repeat(1024 * 1024)}`);
  const report = await readHardware({ root, now: 0 });
  expect(report.memory).toBeUndefined();
  expect(report.unreadable).toEqual(["/proc/meminfo: larger than 65536 bytes"]);
});

test("what may not be read is named with the reason; what does not exist is not named", async () => {
  await mkdir(join(root, "sys/firmware/dmi/tables"), { recursive: true });
  await writeFile(join(root, "sys/firmware/dmi/tables/DMI"), "table", { mode: 0o000 });
  await mkdir(join(root, "sys/block"), { mode: 0o000 });
  const report = await withoutPrivileges(() => readHardware({ root, now: 0 }));
  expect(report.unreadable).toEqual([
    "/sys/block: permission denied",
    "/sys/firmware/dmi/tables/DMI: permission denied",
  ]);
});

test("a pipe that nobody writes to does not stop the reader", async () => {
  execFileSync("mkfifo", [join(root, "pipe")]);
  expect(await tree.text("/pipe")).toBeUndefined();
});

test("at most 64 unreadable files are named, and the rest counted", async () => {
  const many = Array.from({ length: 70 }, (_, index) => `/many/${index}`);
  const refusing = openTree({ root, unreadable: Object.fromEntries(many.map((path) => [path, "permission denied"])) });
  for (const path of many) await refusing.text(path);
  expect(refusing.unreadable()).toHaveLength(65);
  expect(refusing.unreadable().at(-1)).toBe("and 6 more");
});

test("a directory is listed with numbers in their order", async () => {
  for (const name of ["cpu10", "cpu2", "cpu1"]) await mkdir(join(root, "sys/class", name));
  expect(await tree.list("/sys/class")).toEqual(["cpu1", "cpu2", "cpu10"]);
});
