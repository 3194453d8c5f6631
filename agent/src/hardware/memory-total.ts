import { wholeNumber } from "./known.ts";
import type { Tree } from "./tree.ts";

const LINE = /^.*\bMemTotal:\s*(\d+) kB.*$/m;

/** The bytes in the MemTotal line of a meminfo file, the machine's or a node's. */
export function memoryTotal(text: string | undefined): number | undefined {
  const kilobytes = wholeNumber(LINE.exec(text ?? "")?.[1]);
  return kilobytes === undefined ? undefined : kilobytes * 1024;
}

/** Takes all but that line out of a meminfo file: the rest counts what is free just now. */
export function onlyMemoryTotal(content: Buffer): Buffer {
  return Buffer.from(LINE.exec(content.toString("latin1"))?.[0] ?? "");
}

/** What the kernel manages: the machine's memory less what firmware and the kernel itself keep. */
export async function managedBytes(tree: Tree): Promise<number | undefined> {
  return memoryTotal(await tree.text("/proc/meminfo", { scrub: onlyMemoryTotal }));
}
