import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import { storeConformance } from "../conformance.ts";
import { openSqliteStore } from "./open.ts";

const folder = mkdtempSync(join(tmpdir(), "holdfast-sqlite-"));
afterAll(() => rmSync(folder, { recursive: true }));

let places = 0;

storeConformance("SQLite in a file", () => {
  places += 1;
  const path = join(folder, `${places}.sqlite`);
  return { open: () => openSqliteStore({ path, secretsKey: { bytes: Buffer.alloc(32, 1), from: "test" } }) };
});
