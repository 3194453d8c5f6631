import { execFileSync } from "node:child_process";
import { mkdtemp, readdir, readFile, readlink, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { decode, encode, type HardwareReport } from "@holdfast/protocol/messages";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { SYNTHETIC_TREES } from "../../fixtures/make-trees.ts";
import { serverTree } from "../../fixtures/synthetic/server.ts";
import { directory, manifest, writeTree } from "../../fixtures/synthetic/tree-plan.ts";
import { readHardware, reportHash } from "./read.ts";

const TREES = fileURLToPath(new URL("../../fixtures/trees", import.meta.url));
const NAMES = ["captured-small-vm", ...Object.keys(SYNTHETIC_TREES)];

let scratch: string;
beforeEach(async () => {
  scratch = await mkdtemp(join(tmpdir(), "holdfast-hardware-"));
});
afterEach(() => rm(scratch, { recursive: true, force: true }));

async function expected(name: string): Promise<HardwareReport> {
  return JSON.parse(await readFile(`${TREES}/${name}.report.json`, "utf8"));
}

/** Every file's bytes and every link's target, by path. */
async function contents(root: string): Promise<Record<string, string>> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const found: Record<string, string> = {};
  for (const entry of entries) {
    const path = join(entry.parentPath, entry.name);
    const key = path.slice(root.length);
    if (entry.isSymbolicLink()) found[key] = `-> ${await readlink(path)}`;
    else if (entry.isFile()) found[key] = (await readFile(path)).toString("base64");
  }
  return found;
}

describe("a tree gives the report beside it", () => {
  test.each(NAMES)("%s", async (name) => {
    expect(await readHardware({ root: `${TREES}/${name}`, now: 0 })).toEqual(await expected(name));
  });
});

test("every tree has a report and every report a tree", async () => {
  const names = (await readdir(TREES)).sort();
  expect(names).toEqual(NAMES.flatMap((name) => [name, `${name}.report.json`]).sort());
});

describe("a committed synthetic tree is what its script makes", () => {
  test.each(Object.entries(SYNTHETIC_TREES))("%s", async (name, plan) => {
    await writeTree(plan, scratch);
    expect(await contents(`${TREES}/${name}`)).toEqual(await contents(scratch));
  });
});

test("an empty directory gives a report in which nothing is known and nothing is called unreadable", async () => {
  const report = await readHardware({ root: scratch, now: 7 });
  const { hash, ...rest } = report;
  expect(rest).toEqual({ schema: 1, observedAt: 7, storages: [], nics: [], usbs: [], gpus: [], unreadable: [] });
  expect(hash).toMatch(/^[0-9a-f]{64}$/);
});

test("a field that no file tells is absent, not empty, zero or null", async () => {
  for (const name of NAMES) {
    const holes: string[] = [];
    JSON.stringify(await readHardware({ root: `${TREES}/${name}`, now: 1 }), (key, value: unknown) => {
      if (value === null || value === undefined || value === "" || value === "unknown") holes.push(key);
      return value;
    });
    expect(holes).toEqual([]);
  }
});

test("a big server's report stays below 64 KiB as a message, and survives the wire whole", async () => {
  await writeTree(serverTree({ coresPerSocket: 64, dimms: 32, nvmes: 24 }), scratch);
  const report = await readHardware({ root: scratch, now: 1_700_000_000_000 });
  expect(report.cpu?.threads).toBe(256);
  expect(report.memory?.dimms).toHaveLength(32);
  const bytes = encode("HardwareReport", report);
  expect(bytes.length).toBeLessThan(64 * 1024);
  const received = decode("HardwareReport", bytes);
  expect(received).toEqual(report);
  expect(reportHash(received)).toBe(report.hash);
});

describe("the hash", () => {
  test("is the same at another time and from another reading", async () => {
    const root = `${TREES}/synthetic-dimm-nvme-server`;
    const first = await readHardware({ root, now: 1 });
    const second = await readHardware({ root, now: 2 });
    expect(second.hash).toBe(first.hash);
    expect(reportHash(first)).toBe(first.hash);
  });

  test("changes with the state of a link, so that a pulled cable is seen", async () => {
    const report = await expected("synthetic-dimm-nvme-server");
    const pulled = { ...report, nics: report.nics.map((nic) => ({ ...nic, linkUp: false })) };
    expect(reportHash(pulled)).not.toBe(report.hash);
  });

  test("does not depend on the order in which fields stand", async () => {
    const report = await expected("synthetic-arm-board");
    const reversed = Object.fromEntries(Object.entries(report).reverse()) as unknown as HardwareReport;
    expect(reportHash(reversed)).toBe(report.hash);
  });
});

test("an aborted reading rejects", async () => {
  const root = `${TREES}/synthetic-arm-board`;
  await expect(readHardware({ root, now: 0, signal: AbortSignal.abort() })).rejects.toThrow();
});

test("a damaged manifest is an error, not a machine without hardware", async () => {
  await writeTree(directory("", { "holdfast-capture.json": "{" }), scratch);
  await expect(readHardware({ root: scratch, now: 0 })).rejects.toThrow("holdfast-capture.json is not JSON");
  await rm(join(scratch, "holdfast-capture.json"));
  await writeTree(manifest({ addresses: { eth0: "192.0.2.1" }, neighbours: {} }), scratch);
  await expect(readHardware({ root: scratch, now: 0 })).rejects.toThrow("holdfast-capture.json /facts/addresses");
});

test.runIf(process.platform === "linux")(
  "this machine's processors, memory and kernel are what its own tools say",
  async () => {
    const { cpu, memory, os } = await readHardware({ root: "/", now: 0 });
    expect(cpu?.threads).toBe(Number(execFileSync("getconf", ["_NPROCESSORS_ONLN"], { encoding: "utf8" })));
    expect(cpu?.architecture).toBe(execFileSync("uname", ["-m"], { encoding: "utf8" }).trim());
    expect(os?.kernel).toBe(execFileSync("uname", ["-r"], { encoding: "utf8" }).trim());
    const pages = Number(execFileSync("getconf", ["_PHYS_PAGES"], { encoding: "utf8" }));
    const pageSize = Number(execFileSync("getconf", ["PAGESIZE"], { encoding: "utf8" }));
    expect(memory?.bytes).toBeGreaterThanOrEqual(pages * pageSize);
  },
);
