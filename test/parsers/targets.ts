import type { Target } from "./target.ts";

/**
 * Every parser of the product that reads what others wrote; each is in the file of its name. Those that take longest come first,
 * so that two at a time end together.
 */
export const NAMES = [
  ...["uplink-bodies", "hub-api", "agent-said", "site-api", "shape-requests", "machines-ask", "mqtt", "uplink-entries"],
  ...["files", "agent-told", "config", "messages", "filters", "shape-query", "topics", "packets"],
] as const;

/** Path of the module of a target: a process that feeds one loads nothing of the others. */
export function moduleOf(name: string): string {
  return new URL(`./targets/${name}.ts`, import.meta.url).pathname;
}

/** A target out of a module that exports it, alone or in a list. */
export async function targetIn(module: string, name: string): Promise<Target> {
  const exported = Object.values(
    (await import(module)) as Readonly<Record<string, unknown>>,
  ).flat() as Partial<Target>[];
  const target = exported.find((each) => each.name === name && each.open !== undefined);
  if (!target) throw new Error(`no target is called ${name} in ${module}`);
  return target as Target;
}
