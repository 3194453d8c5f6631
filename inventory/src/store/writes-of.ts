import { hash } from "node:crypto";
import type { Resource } from "@holdfast/protocol";

/**
 * A digest of the writes that made what operators want of a resource. At the hub the generation alone would do; at a site it
 * goes back when the hub takes one of its intents for a conflict, and may then come to the same number by another way.
 */
export function writesOf({ stamps }: Pick<Resource, "stamps">): string {
  const writes = Object.entries(stamps).map(([field, stamp]) => `${field}=${stamp?.id}`);
  return hash("sha1", writes.sort().join(), "base64url").slice(0, 8);
}
