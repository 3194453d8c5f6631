import { existsSync, rmSync, statSync } from "node:fs";
import { Fault, systemCode } from "@holdfast/runtime";

/** What SQLite may keep beside a database file. */
export const COMPANIONS = ["-wal", "-shm", "-journal"] as const;

/** Removes a database file and what SQLite keeps beside it. Absent ones do no harm. */
export function removeDatabase(path: string): void {
  for (const companion of ["", ...COMPANIONS]) rmSync(`${path}${companion}`, { force: true });
}

/** Whether two paths name one file, through whatever links. */
export function isSameFile(one: string, other: string): boolean {
  if (!existsSync(one) || !existsSync(other)) return false;
  const [a, b] = [statSync(one), statSync(other)];
  return a.dev === b.dev && a.ino === b.ino;
}

/** Throws FailedPrecondition for what is there and is no file: a pipe would be waited for, a device would be replaced or never end. */
export function refuseNoFile(path: string): void {
  const found = statSync(path);
  if (found.isDirectory()) throw new Fault("FailedPrecondition", `FILE: ${path} is a directory`);
  if (!found.isFile()) throw new Fault("FailedPrecondition", `FILE: ${path} is no file`);
}

/** An error of the file system or of SQLite, in words for whoever named the path. */
export function pathFault(path: string, doing: string, cause: unknown): Fault {
  if (cause instanceof Fault) return cause;
  const code = systemCode(cause) ?? "";
  const why = WHY[code];
  if (why === undefined) return new Fault("FailedPrecondition", `${doing} ${path} failed`, { cause });
  const full = code === "ENOSPC" || code === "EDQUOT" || code === "SQLITE_FULL";
  return new Fault(full ? "Unavailable" : "FailedPrecondition", `${doing} ${path} failed: ${why}`, { cause });
}

const WHY: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file or directory",
  ENOTDIR: "a part of the path is no directory",
  EACCES: "this user may not",
  EPERM: "this user may not",
  EROFS: "it is on a disk that cannot be written to",
  EISDIR: "it is a directory",
  ENOSPC: "the disk is full",
  EDQUOT: "the disk quota is used up",
  SQLITE_FULL: "the disk is full",
  SQLITE_CANTOPEN: "it cannot be opened",
};
