import { access, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { directory, writeTree } from "../../fixtures/synthetic/tree-plan.ts";
import { captureTree } from "./capture.ts";
import { runCapture } from "./capture-command.ts";
import { readHardware } from "./read.ts";

const TREES = fileURLToPath(new URL("../../fixtures/trees", import.meta.url));
const SERVER = `${TREES}/synthetic-dimm-nvme-server`;

let scratch: string;
let lines: string[];
const out = (line: string) => lines.push(line);
beforeEach(async () => {
  scratch = await mkdtemp(join(tmpdir(), "holdfast-capture-"));
  lines = [];
});
afterEach(() => rm(scratch, { recursive: true, force: true }));

async function everyByte(root: string): Promise<string> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  const texts = await Promise.all(files.map((file) => readFile(join(file.parentPath, file.name), "latin1")));
  return texts.join("\n");
}

describe("a capture reads as the machine it was made of", () => {
  test.each(["captured-small-vm", "synthetic-arm-board", "synthetic-dimm-nvme-server", "synthetic-nothing-readable"])(
    "%s",
    async (name) => {
      const { files, skipped } = await captureTree({ root: `${TREES}/${name}`, into: scratch });
      const original = await readHardware({ root: `${TREES}/${name}`, now: 5 });
      expect(await readHardware({ root: scratch, now: 5 })).toEqual(original);
      expect(files).toBeGreaterThan(0);
      expect(skipped).toEqual(original.unreadable);
    },
  );
});

test.runIf(process.platform === "linux")("a capture of this machine reads as this machine", async () => {
  await captureTree({ root: "/", into: scratch });
  expect(await readHardware({ root: scratch, now: 5 })).toEqual(await readHardware({ root: "/", now: 5 }));
});

test("a capture holds no secret, no machine-id, and nothing that no reader reads", async () => {
  const machine = join(scratch, "machine");
  const machineId = "5b1f0c6e9d8a47323f2e1d0c9b8a7f6e";
  await writeTree(directory("/etc", { "machine-id": machineId, shadow: "root:hash" }), machine);
  await writeTree(directory("/proc", { cmdline: "ro token=hush", meminfo: "MemTotal: 8 kB\nMemFree: 7 kB" }), machine);
  await captureTree({ root: machine, into: join(scratch, "copy") });
  const copied = await everyByte(join(scratch, "copy"));
  expect(copied).toContain("471edb3e-196e-8c62-8298-0049e156588e");
  for (const kept of [machineId, "hush", "hash", "MemFree"]) expect(copied).not.toContain(kept);
});

test("a capture of the firmware's table leaves out the vendor's own strings", async () => {
  expect(await everyByte(SERVER)).toContain("OEM-PRIVATE-STRING");
  await captureTree({ root: SERVER, into: scratch });
  const copied = await everyByte(scratch);
  expect(copied).toContain("EX-0042-7F3A");
  expect(copied).not.toContain("OEM-PRIVATE-STRING");
});

describe("the command", () => {
  test("writes a capture into a new directory and says how much", async () => {
    const into = join(scratch, "new");
    expect(await runCapture([into, "--root", SERVER], out)).toBe(0);
    expect(lines[0]).toMatch(/new: \d+ files, \d+ bytes$/);
    expect((await readHardware({ root: into, now: 0 })).system?.serialNumber).toBe("EX-0042-7F3A");
  });

  test("names what it could not read", async () => {
    expect(await runCapture([scratch, "--root", `${TREES}/synthetic-nothing-readable`], out)).toBe(0);
    expect(lines).toContain("not readable: /proc/cpuinfo: permission denied");
  });

  test("writes nothing into a directory that holds something", async () => {
    await writeFile(join(scratch, "mine"), "mine");
    const capturing = runCapture([scratch, "--root", SERVER], out);
    await expect(capturing).rejects.toThrow(`${scratch} is not empty; nothing was written`);
    expect(await readdir(scratch)).toEqual(["mine"]);
  });

  test("says what is wrong with the way it was called", async () => {
    await expect(runCapture([], out)).rejects.toThrow("the directory to write to is missing");
    await expect(runCapture(["a", "b"], out)).rejects.toThrow("one directory only, not also b");
    await expect(runCapture(["a", "--rot", "/"], out)).rejects.toThrow("--rot");
    expect(lines).toEqual([]);
  });

  test("fails for a root that is not there, and makes no directory", async () => {
    const into = join(scratch, "new");
    await expect(runCapture([into, "--root", join(scratch, "missing")], out)).rejects.toThrow("ENOENT");
    await expect(access(into)).rejects.toThrow();
  });

  test("explains itself", async () => {
    expect(await runCapture(["--help"], out)).toBe(0);
    expect(lines.join("\n")).toContain("Usage: holdfast agent capture DIRECTORY");
  });
});
