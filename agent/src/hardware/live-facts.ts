import { execFile } from "node:child_process";
import { access } from "node:fs/promises";
import { machine, networkInterfaces } from "node:os";
import type { Facts } from "./facts.ts";
import { addressesOfInterfaces, parseAddresses, parseNeighbours } from "./ip-and-lldp.ts";

/** What the kernel of this machine answers. Runs at most `ip` and `lldpcli`, each for two seconds; without them less is known. */
export async function readLiveFacts(signal?: AbortSignal): Promise<Facts> {
  const [ip, lldp] = await Promise.all([
    run(["/usr/sbin/ip", "/sbin/ip", "/usr/bin/ip", "/bin/ip"], ["-j", "address", "show"], signal),
    run(["/usr/sbin/lldpcli", "/usr/bin/lldpcli"], ["-f", "json0", "show", "neighbors"], signal),
  ]);
  return {
    architecture: machine(),
    addresses: parseAddresses(ip ?? "") ?? addressesOfInterfaces(networkInterfaces()),
    neighbours: parseNeighbours(lldp ?? "") ?? {},
  };
}

/** What the first of these programs that exists prints; undefined when there is none or it fails. */
async function run(
  programs: readonly string[],
  parameters: readonly string[],
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  for (const program of programs) {
    if (await exists(program)) return output(program, parameters, signal);
  }
  return undefined;
}

function output(
  program: string,
  parameters: readonly string[],
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  const options = { timeout: 2_000, maxBuffer: 1024 * 1024, ...(signal === undefined ? {} : { signal }) };
  return new Promise((resolve) => {
    execFile(program, parameters, options, (error, stdout) => resolve(error === null ? stdout : undefined));
  });
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch {
    return false;
  }
}
