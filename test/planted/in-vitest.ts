import { writeSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { VitestPluginContext } from "vitest/node";
import { plantedIn } from "./fault.ts";
import { FAULTS } from "./faults.ts";

/** What is said on stderr when a fault has been put into what a test loads, before its name. */
export const PLANTED = "planted: ";

/** Has tests load the file of the fault that `HOLDFAST_PLANT` names with the fault in it; without one, as it is. */
export function planting() {
  const fault = FAULTS.find(({ name }) => name === process.env.HOLDFAST_PLANT);
  const target = fault && fileURLToPath(new URL(`../../${fault.file}`, import.meta.url));
  const isTarget = (id: string) => id.split("?")[0] === target;
  return {
    name: "planted-fault",
    enforce: "pre",
    configureVitest({ defineCacheKeyGenerator }: VitestPluginContext): void {
      // What has the fault in it must not be found by who loads the file without, nor by who has another.
      defineCacheKeyGenerator(({ id }) => (isTarget(id) ? false : undefined));
    },
    transform(code: string, id: string): string | undefined {
      if (!fault || !isTarget(id)) return undefined;
      writeSync(2, `${PLANTED}${fault.name}\n`);
      return plantedIn(fault, code);
    },
  } as const;
}
