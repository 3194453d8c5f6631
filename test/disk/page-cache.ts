/** What the kernel does with the pages of a file between a write and the disk. */
const PAGE = 4096;

/** A call on a file, as it was made and with what came of it. */
export type FileCall =
  | { readonly is: "write"; readonly path: string; readonly at: number; readonly bytes: Buffer }
  | { readonly is: "flush"; readonly path: string; readonly failed: boolean }
  | { readonly is: "truncate"; readonly path: string; readonly length: number }
  | { readonly is: "remove"; readonly path: string };

interface File {
  cached: Buffer;
  durable: Buffer;
  readonly dirty: Set<number>;
}

/**
 * Files, as whoever reads them sees them, and as the disk has them when the power goes: what was flushed and nothing else.
 * After a flush that failed, the pages it was about count as clean and are lost: so do Linux's file systems, and the next
 * flush succeeds.
 */
export class PageCache {
  readonly #files = new Map<string, File>();

  take(call: FileCall): void {
    if (call.is === "remove") {
      this.#files.delete(call.path);
      return;
    }
    const file = this.#file(call.path);
    if (call.is === "write") write(file, call.at, call.bytes);
    else if (call.is === "flush") flush(file, call.failed);
    else {
      file.cached = resized(file.cached, call.length);
      file.durable = resized(file.durable, Math.min(call.length, file.durable.length));
    }
  }

  /** What is on the disk after a power cut. */
  durable(): Map<string, Buffer> {
    return new Map([...this.#files].map(([path, { durable }]) => [path, durable]));
  }

  #file(path: string): File {
    const known = this.#files.get(path);
    if (known) return known;
    const file: File = { cached: Buffer.alloc(0), durable: Buffer.alloc(0), dirty: new Set() };
    this.#files.set(path, file);
    return file;
  }
}

function write(file: File, at: number, bytes: Buffer): void {
  file.cached = resized(file.cached, Math.max(file.cached.length, at + bytes.length));
  bytes.copy(file.cached, at);
  for (let page = Math.floor(at / PAGE); page * PAGE < at + bytes.length; page += 1) file.dirty.add(page);
}

function flush(file: File, failed: boolean): void {
  if (!failed) {
    file.durable = resized(file.durable, file.cached.length);
    for (const page of file.dirty) file.cached.copy(file.durable, page * PAGE, page * PAGE, (page + 1) * PAGE);
  }
  file.dirty.clear();
}

function resized(buffer: Buffer, length: number): Buffer {
  if (buffer.length === length) return buffer;
  const next = Buffer.alloc(length);
  buffer.copy(next, 0, 0, Math.min(length, buffer.length));
  return next;
}

/** The calls in what `strace -y -xx` wrote. */
export function readFileCalls(text: string): FileCall[] {
  return text.split("\n").flatMap((line): FileCall[] => {
    const [, name, named = ""] = /^\d+ +(\w+)\(\d+<([^>]+)>/.exec(line) ?? [];
    const path = unescaped(named).toString();
    const failed = / = -1 /.test(line);
    if (name === "fsync" || name === "fdatasync") return [{ is: "flush", path, failed }];
    const removed = /^\d+ +unlink\("([^"]+)"\) += 0/.exec(line)?.[1];
    if (removed !== undefined) return [{ is: "remove", path: unescaped(removed).toString() }];
    if (failed) return [];
    if (name === "ftruncate") return [{ is: "truncate", path, length: Number(/>, (\d+)\)/.exec(line)?.[1]) }];
    const [, hex = "", at = ""] = /, "((?:\\x[0-9a-f]{2})*)", \d+(?:, (\d+))?\)/.exec(line) ?? [];
    if (name === "pwrite64") return [{ is: "write", path, at: Number(at), bytes: unescaped(hex) }];
    return [];
  });
}

function unescaped(text: string): Buffer {
  return Buffer.from(text.replaceAll("\\x", ""), "hex");
}
