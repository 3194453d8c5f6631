import { createRequire, syncBuiltinESMExports } from "node:module";
import { promisify } from "node:util";

/**
 * Has done at once what the platform does in threads of its own, whose order no seed decides: reading files, compressing.
 */
export function installThreadPool(): void {
  const require = createRequire(import.meta.url);
  const [fs, fsPromises, zlib] = [require("node:fs"), require("node:fs/promises"), require("node:zlib")];
  const inThreads = [
    "readFile",
    "writeFile",
    "readdir",
    "stat",
    "lstat",
    "access",
    "readlink",
    "mkdir",
    "symlink",
    "rm",
    "statfs",
  ];
  for (const name of inThreads) {
    fsPromises[name] = async (...given: unknown[]) => fs[`${name}Sync`](...given);
  }
  // Programs die here and machines do not: nothing is lost that was written.
  fs.fsyncSync = () => undefined;
  fs.fsync = (_: number, done: (error: null) => void) => process.nextTick(done, null);
  const readAtOnce = async (...given: unknown[]) => {
    const buffer = given[1];
    return { bytesRead: fs.readSync(...given), buffer };
  };
  const read = (...given: unknown[]) => {
    const done = given.pop() as (error: unknown, bytes?: number, buffer?: unknown) => void;
    readAtOnce(...given).then(({ bytesRead, buffer }) => done(null, bytesRead, buffer), done);
  };
  fs.read = Object.assign(read, { [promisify.custom]: readAtOnce });
  const gzipAtOnce = async (input: Uint8Array, options?: object) => zlib.gzipSync(input, options);
  const gzip = (...given: unknown[]) => {
    const done = given.pop() as (error: unknown, result?: Uint8Array) => void;
    gzipAtOnce(given[0] as Uint8Array, given[1] as object).then((result) => done(null, result), done);
  };
  zlib.gzip = Object.assign(gzip, { [promisify.custom]: gzipAtOnce });
  syncBuiltinESMExports();
}
