import type { CoreGroup, Cpu } from "@holdfast/protocol/messages";
import { armModel, armVendor } from "./arm-processors.ts";
import { type Firmware, ofType, SMBIOS } from "./firmware.ts";
import { meaningful } from "./identifiers.ts";
import { anyKnown, numberList, onlyKnown, wholeNumber } from "./known.ts";
import { readNuma } from "./numa.ts";
import { stringAt } from "./smbios.ts";
import type { Tree } from "./tree.ts";

/** The processors, as the kernel groups them. `architecture` is what the caller knows when the kernel does not show its own. */
export async function readCpu(
  tree: Tree,
  firmware: Firmware,
  architecture: string | undefined,
): Promise<Cpu | undefined> {
  const info = firstProcessor(await tree.text("/proc/cpuinfo", { limit: 64 * 1024, beginning: true }));
  const { topology, packages } = await readTopology(tree);
  const numa = await readNuma(tree);
  const threads = topology.reduce((sum, core) => sum + core.threads.length, 0);
  return anyKnown<Cpu>({
    architecture: (await tree.text("/proc/sys/kernel/arch")) ?? architecture,
    vendor: meaningful(info.get("vendor_id")) ?? armVendor(info.get("CPU implementer")),
    model:
      meaningful(info.get("model name")) ??
      firmwareModel(firmware) ??
      armModel(info.get("CPU implementer"), info.get("CPU part")),
    sockets: topology.length === 0 ? undefined : packages,
    cores: topology.length === 0 ? undefined : topology.length,
    threads: threads === 0 ? undefined : threads,
    flags: (info.get("flags") ?? info.get("Features") ?? "").split(/\s+/).filter(Boolean),
    topology,
    numa,
  });
}

/** The first block of /proc/cpuinfo; the other processors of a machine say the same again. */
function firstProcessor(text: string | undefined): ReadonlyMap<string, string> {
  const block = text?.split(/\n\s*\n/)[0] ?? "";
  return new Map(
    block.split("\n").flatMap((line): [string, string][] => {
      const colon = line.indexOf(":");
      return colon === -1 ? [] : [[line.slice(0, colon).trim(), line.slice(colon + 1).trim()]];
    }),
  );
}

/** Arm's kernel does not know the product's name; server firmware does. */
function firmwareModel(firmware: Firmware): string | undefined {
  const processor = ofType(firmware, SMBIOS.processor)[0];
  return processor && meaningful(stringAt(processor, 0x10));
}

const CPUS = "/sys/devices/system/cpu";

/** Some Arm boards have -1 for a package: which one, and how many there are, is then not known. */
async function readTopology(tree: Tree): Promise<{ topology: CoreGroup[]; packages: number | undefined }> {
  const performance = new Set(numberList(await tree.text("/sys/devices/cpu_core/cpus")));
  const efficiency = new Set(numberList(await tree.text("/sys/devices/cpu_atom/cpus")));
  const groups = new Map<string, CoreGroup>();
  const packages = new Set<number | undefined>();
  for (const thread of numberList(await tree.text(`${CPUS}/online`))) {
    const core = wholeNumber(await tree.text(`${CPUS}/cpu${thread}/topology/core_id`));
    if (core === undefined) continue;
    const inPackage = wholeNumber(await tree.text(`${CPUS}/cpu${thread}/topology/physical_package_id`));
    packages.add(inPackage);
    const cluster = await tree.text(`${CPUS}/cpu${thread}/topology/core_cpus_list`);
    const key = cluster ?? `${inPackage}/${core}`;
    const group = groups.get(key);
    if (group !== undefined) {
      group.threads.push(thread);
      continue;
    }
    const kind = performance.has(thread) ? "performance" : efficiency.has(thread) ? "efficiency" : undefined;
    groups.set(key, onlyKnown<CoreGroup>({ package: inPackage, core, threads: [thread], kind }));
  }
  const topology = [...groups.values()].sort(
    (a, b) => (a.package ?? 0) - (b.package ?? 0) || (a.core ?? 0) - (b.core ?? 0),
  );
  return { topology, packages: packages.has(undefined) ? undefined : packages.size };
}
