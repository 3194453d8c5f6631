import { createHash, randomBytes } from "node:crypto";
import type { FeedScope } from "@holdfast/protocol";

/**
 * A shape's handle: which scope, in which epoch of the hub, and a part that no two handles share. The hub keeps no shapes,
 * so a handle is good as long as its scope and epoch are; the random part is there because a follower told to start anew
 * must get a handle it has not seen, or it takes the answer for a stale one.
 */
export function newHandle(scope: FeedScope, epoch: string): string {
  return `${prefix(scope, epoch)}-${randomBytes(8).toString("hex")}`;
}

/** Whether a handle was given out for this scope in this epoch. */
export function isHandleOf(handle: string, scope: FeedScope, epoch: string): boolean {
  const expected = prefix(scope, epoch);
  return handle.startsWith(`${expected}-`) && /^[0-9a-f]{16}$/.test(handle.slice(expected.length + 1));
}

function prefix(scope: FeedScope, epoch: string): string {
  return createHash("sha256")
    .update(JSON.stringify([scope, epoch]))
    .digest("hex")
    .slice(0, 24);
}
