import { systemCode } from "@holdfast/runtime";

/** A path that goes on where the tree ends: `..` above its root. */
export class LeavesTree extends Error {}

/** A file with more in it than the reader is ready to hold. */
export class TooLarge extends Error {}

/**
 * What the kernel answers when the thing is not there, or when a driver has no answer: hardware that does not exist is
 * not hardware that could not be read.
 */
const ABSENT = new Set([
  ...["ENOENT", "ENOTDIR", "EISDIR", "EINVAL", "ENODATA", "ENODEV", "ENXIO"],
  ...["EOPNOTSUPP", "ENOTSUP", "ENOSYS", "ENOMEDIUM", "EAGAIN"],
]);

const WORDS: Record<string, string> = {
  EACCES: "permission denied",
  EPERM: "permission denied",
  EIO: "input/output error",
  ELOOP: "too many symbolic links",
};

/** Why a read failed, in words for an operator; undefined when there simply was nothing to read. Faults of ours are thrown on. */
export function reasonUnreadable(error: unknown): string | undefined {
  if (error instanceof LeavesTree || error instanceof TooLarge) return error.message;
  const code = systemCode(error);
  if (code === undefined) throw error;
  return ABSENT.has(code) ? undefined : (WORDS[code] ?? code);
}

const MOST_NAMED = 64;

/** One sentence a source, in order; past 64 of them only how many more there are, so that a report stays small. */
export function describeUnreadable(reasons: ReadonlyMap<string, string>): string[] {
  const all = [...reasons].map(([path, reason]) => `${path}: ${reason}`).sort();
  if (all.length <= MOST_NAMED) return all;
  return [...all.slice(0, MOST_NAMED), `and ${all.length - MOST_NAMED} more`];
}
