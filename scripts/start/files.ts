import { readFileSync, renameSync, writeFileSync } from "node:fs";

/** Writes a file that only its owner may read; whole or not at all. */
export function privateFile(path: string, content: string): void {
  writeFileSync(`${path}.new`, `${content}\n`, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

/** A file's text without its final newline; undefined when there is none. */
export function readPrivate(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8").trim() || undefined;
  } catch {
    return undefined;
  }
}
