/** A part of the product whose tests are asked whether they would notice a change of it. */
export interface Part {
  readonly name: "hub" | "site-node";
  /** What is changed, as globs. */
  readonly mutated: readonly string[];
  /** The tests that may notice, and those that would make each change cost seconds more, which stay away. */
  readonly tests: readonly string[];
  readonly without: readonly string[];
}

/** Sync, outbox and shapes, where they are in hub and site. */
export const PARTS: readonly Part[] = [
  {
    name: "hub",
    mutated: ["hub/src/{shapes,uplink}/*.ts"],
    tests: ["hub/src/{shapes,uplink}/*.test.ts"],
    without: ["**/replay.test.ts"],
  },
  {
    name: "site-node",
    mutated: ["site-node/src/{replica,outbox,uplink,intents}/*.ts"],
    tests: ["site-node/src/{replica,outbox,uplink,intents}/*.test.ts"],
    without: ["**/*.property.test.ts"],
  },
];

/** Which part has a file. Throws when none has. */
export function partOf(path: string): Part {
  const part = PARTS.find(({ name }) => path.startsWith(`${name}/src/`));
  if (!part) throw new Error(`${path} is in no part that can be mutated: ${PARTS.map(({ name }) => name).join(", ")}`);
  return part;
}
