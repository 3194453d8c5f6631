import { readFileSync } from "node:fs";
import { readdir, readFile, statfs } from "node:fs/promises";
import { join } from "node:path";
import { mem } from "systeminformation";

/** Values by name; what cannot be read is left out, never guessed. */
export type Values = Record<string, number>;

/** Measures once. */
export type Source = () => Promise<Values>;

/**
 * What is measured, from under `root`. Only `mem` comes from systeminformation: it is the one of its functions that
 * starts no processes, where `currentLoad`, `fsSize`, `networkStats` and `cpuTemperature` together start about 30 each
 * time, most of an agent's processor time. The kernel's files say the same. Of `/proc` it is read at once, for the kernel
 * answers from memory: handing it to another thread and back takes several times as long.
 */
export function systemSources(root: string): Readonly<Record<string, Source>> {
  return { memory, load: load(root), disk: disk(root), network: network(root), temperature: temperature(root) };
}

async function memory(): Promise<Values> {
  const { total, available, swaptotal, swapused } = await mem();
  return {
    "memory.total_bytes": total,
    "memory.available_bytes": available,
    ...(swaptotal > 0 && { "swap.total_bytes": swaptotal, "swap.used_bytes": swapused }),
  };
}

/** proc(5), /proc/stat: user nice system idle iowait irq softirq steal. The first measurement has no span to speak of. */
function load(root: string): Source {
  let before: { busy: number; all: number } | undefined;
  return async () => {
    const [line = ""] = readFileSync(join(root, "proc/stat"), "utf8").split("\n");
    const ticks = line.split(/\s+/).slice(1, 9).map(Number);
    const all = ticks.reduce((sum, count) => sum + count, 0);
    const now = { all, busy: all - (ticks[3] ?? 0) - (ticks[4] ?? 0) };
    const [busy, span] = before ? [now.busy - before.busy, now.all - before.all] : [0, 0];
    before = now;
    const [one] = readFileSync(join(root, "proc/loadavg"), "utf8").split(" ");
    return { ...(span > 0 && { "cpu.load_percent": (100 * busy) / span }), "cpu.load_average_1m": Number(one) };
  };
}

function disk(root: string): Source {
  return async () => {
    const { bsize, blocks, bavail } = await statfs(root);
    return { "disk.root.total_bytes": blocks * bsize, "disk.root.available_bytes": bavail * bsize };
  };
}

/** Physical ones come first in the list; a machine full of containers has hundreds of others. */
const INTERFACES_MOST = 64;

/** proc(5), /proc/net/dev: after the name, eight counters of receiving, then eight of sending. */
function network(root: string): Source {
  return async () => {
    const values: Values = {};
    let interfaces = 0;
    for (const line of readFileSync(join(root, "proc/net/dev"), "utf8").split("\n").slice(2)) {
      const [name = "", counters = ""] = line.split(":", 2).map((part) => part.trim());
      const numbers = counters.split(/\s+/).map(Number);
      if (name === "" || name === "lo" || name.startsWith("veth") || numbers.length < 16) continue;
      if (++interfaces > INTERFACES_MOST) break;
      values[`net.${name}.received_bytes`] = numbers[0] ?? Number.NaN;
      values[`net.${name}.sent_bytes`] = numbers[8] ?? Number.NaN;
      values[`net.${name}.errors`] = (numbers[2] ?? Number.NaN) + (numbers[10] ?? Number.NaN);
    }
    return values;
  };
}

/** The hottest of the processor's and the board's thermal zones; most machines in a virtual machine have none. */
function temperature(root: string): Source {
  const zones = join(root, "sys/class/thermal");
  return async () => {
    const names = (await readdir(zones).catch(() => [])).filter((name) => name.startsWith("thermal_zone"));
    const read = names.map((name) => readFile(join(zones, name, "temp"), "utf8").then(Number, () => Number.NaN));
    const degrees = (await Promise.all(read)).filter(Number.isFinite).map((thousandths) => thousandths / 1_000);
    return degrees.length > 0 ? { "temperature.hottest_celsius": Math.max(...degrees) } : {};
  };
}
