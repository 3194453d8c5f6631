import type { Stamp } from "@holdfast/protocol";

/** What is to be done with a value that a site holds and whose write the hub does not know. */
export type Verdict =
  /** It is later than what stands. */
  | "adopt"
  /** What stands is later. */
  | "older"
  /** Nobody can tell. */
  | "conflict";

/**
 * Orders a stamp that the hub does not know against the one that stands (rule 20). Within one life of the hub the generation
 * tells; of two lives, the later one in the line of this hub. What was written in the life that is gives way to nothing, and
 * what a life wrote that this hub does not descend from can be told from nothing but what was never written.
 */
export function judge(held: Stamp, standing: Stamp | undefined, lives: readonly string[]): Verdict {
  const now = lives.at(-1);
  if (held.epoch === standing?.epoch && held.generation < standing.generation) return "older";
  if (held.epoch === now || standing?.epoch === now) return "conflict";
  return !standing || isLater(held, standing, lives) ? "adopt" : "conflict";
}

function isLater(held: Stamp, standing: Stamp, lives: readonly string[]): boolean {
  if (held.epoch === standing.epoch) return held.generation > standing.generation;
  const [one, other] = [lives.indexOf(held.epoch), lives.indexOf(standing.epoch)];
  return other >= 0 && one > other;
}
