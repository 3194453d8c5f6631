import type { NumaNode } from "@holdfast/protocol/messages";
import { numberList, onlyKnown } from "./known.ts";
import { managedBytes, memoryTotal, onlyMemoryTotal } from "./memory-total.ts";
import type { Tree } from "./tree.ts";

const NODES = "/sys/devices/system/node";

/**
 * Which processors and how much memory belong together. Some kernels, that set memory up as it is first used, count less in
 * the nodes than in the whole, and count again later: nodes that do not add up are given without memory.
 */
export async function readNuma(tree: Tree): Promise<NumaNode[]> {
  const whole = await managedBytes(tree);
  const found = [];
  for (const node of numberList(await tree.text(`${NODES}/online`))) {
    const cpus = await tree.text(`${NODES}/node${node}/cpulist`);
    const memoryBytes = memoryTotal(await tree.text(`${NODES}/node${node}/meminfo`, { scrub: onlyMemoryTotal }));
    if (cpus !== undefined || memoryBytes !== undefined) found.push({ node, threads: numberList(cpus), memoryBytes });
  }
  const sum = found.reduce((bytes, { memoryBytes }) => bytes + (memoryBytes ?? 0), 0);
  const addsUp = whole !== undefined && Math.abs(sum - whole) <= whole / 100;
  return found.map(({ memoryBytes, ...node }) =>
    onlyKnown<NumaNode>({ ...node, memoryBytes: addsUp ? memoryBytes : undefined }),
  );
}
