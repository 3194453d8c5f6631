import { readFileSync } from "node:fs";

/** A file's text without its final newline; undefined when there is none. */
export function readPrivate(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8").trim() || undefined;
  } catch {
    return undefined;
  }
}
