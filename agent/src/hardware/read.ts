import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import type { HardwareReport } from "@holdfast/protocol/messages";
import { systemCode } from "@holdfast/runtime";
import { readBmc } from "./bmc.ts";
import { readCpu } from "./cpu.ts";
import { type Facts, MANIFEST, type Manifest, NO_FACTS, parseManifest } from "./facts.ts";
import { readFirmware } from "./firmware.ts";
import { readGpus } from "./gpu.ts";
import { readLiveFacts } from "./live-facts.ts";
import { readMemory } from "./memory.ts";
import { readNics } from "./nic.ts";
import { readOperatingSystem } from "./operating-system.ts";
import { inside } from "./paths.ts";
import { reportHash } from "./report-hash.ts";
import { readStorages } from "./storage.ts";
import { readSystem } from "./system.ts";
import { readTpm } from "./tpm.ts";
import { openTree, type Tree, type TreeOptions } from "./tree.ts";
import { readUsbs } from "./usb.ts";

export { reportHash } from "./report-hash.ts";

const SCHEMA = 1;

export interface HardwareOptions {
  /** "/" for this machine, else the directory of a captured tree. */
  readonly root: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly signal?: AbortSignal;
}

/**
 * All hardware that the files below `root` show. What is not known is absent, and what is there but could not be read is named
 * in `unreadable`. Rejects only when aborted, or when `root` holds the damaged manifest of a capture.
 */
export async function readHardware({ root, now, signal }: HardwareOptions): Promise<HardwareReport> {
  const { tree, facts } = await openMachine(root, signal);
  return readTree(tree, facts, { now, ...(signal === undefined ? {} : { signal }) });
}

/** The tree of a machine and what its kernel adds; a capture brings both with it. */
export async function openMachine(
  root: string,
  signal?: AbortSignal,
  witness?: TreeOptions["witness"],
): Promise<{ tree: Tree; facts: Facts }> {
  const at = resolve(root);
  const watched = witness === undefined ? {} : { witness };
  if (at === "/") return { tree: openTree({ root: at, ...watched }), facts: await readLiveFacts(signal) };
  const manifest = await readManifest(at);
  const unreadable = manifest?.unreadable ?? {};
  return { tree: openTree({ root: at, unreadable, ...watched }), facts: manifest?.facts ?? NO_FACTS };
}

async function readManifest(root: string): Promise<Manifest | undefined> {
  try {
    return parseManifest(await readFile(inside(root, MANIFEST), "utf8"));
  } catch (error) {
    if (systemCode(error) === "ENOENT") return undefined;
    throw error;
  }
}

/** The report on an opened tree, every reader run once. */
export async function readTree(
  tree: Tree,
  facts: Facts,
  { now, signal }: { readonly now: number; readonly signal?: AbortSignal },
): Promise<HardwareReport> {
  signal?.throwIfAborted();
  const firmware = await readFirmware(tree);
  const [system, cpu, memory, storages, nics, usbs, gpus, os, bmc, tpm] = await Promise.all([
    readSystem(tree, firmware),
    readCpu(tree, firmware, facts.architecture),
    readMemory(tree, firmware),
    readStorages(tree),
    readNics(tree, facts),
    readUsbs(tree),
    readGpus(tree),
    readOperatingSystem(tree),
    readBmc(tree, firmware),
    readTpm(tree),
  ]);
  signal?.throwIfAborted();
  const report: HardwareReport = {
    schema: SCHEMA,
    hash: "",
    observedAt: now,
    ...(system && { system }),
    ...(cpu && { cpu }),
    ...(memory && { memory }),
    storages,
    nics,
    usbs,
    gpus,
    ...(os && { os }),
    ...(bmc && { bmc }),
    ...(tpm && { tpm }),
    unreadable: tree.unreadable(),
  };
  return { ...report, hash: reportHash(report) };
}
