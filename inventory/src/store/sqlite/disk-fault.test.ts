import { Fault } from "@holdfast/runtime";
import { expect, test } from "vitest";
import { isOfDisk } from "../disk.ts";
import { asDiskFault } from "./disk-fault.ts";

const failed = (code: string, cause?: unknown) => Object.assign(new Error("failed", { cause }), { code });

test.each([
  ["SQLITE_FULL", "the disk of the database is full"],
  ["SQLITE_IOERR_FSYNC", "the disk of the database fails (SQLITE_IOERR_FSYNC)"],
  ["SQLITE_READONLY_DBMOVED", "the disk of the database fails (SQLITE_READONLY_DBMOVED)"],
])("%s is said to be the disk's, to be asked again", (code, message) => {
  const fault = asDiskFault(failed("SQLITE_ERROR", failed(code)));
  expect(fault).toMatchObject({ code: "Unavailable", message });
  expect(isOfDisk(fault)).toBe(true);
});

test.each([failed("SQLITE_CONSTRAINT_UNIQUE"), new Fault("NotFound", "no such host"), "words"])(
  "what is not the disk's stays what it is",
  (error) => {
    expect(asDiskFault(error)).toBe(error);
    expect(isOfDisk(error)).toBe(false);
  },
);
