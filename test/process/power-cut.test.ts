import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { openSqlite } from "@holdfast/runtime/sqlite";
import { describe, expect, onTestFinished, test } from "vitest";
import { PageCache, readFileCalls } from "../disk/page-cache.ts";
import { whyNoTrace } from "../disk/strace.ts";

const WRITER = fileURLToPath(new URL("../disk/power-cut-writer.ts", import.meta.url));
const why = whyNoTrace();

/** A database that is written to below an emulated cache of pages, whose power can be cut. */
class Writing {
  readonly #folder = realpathSync(mkdtempSync(join(tmpdir(), "holdfast-power-cut-")));
  readonly #cache = new PageCache();
  readonly acknowledged: number[] = [];
  refused = 0;

  constructor() {
    onTestFinished(() => rmSync(this.#folder, { recursive: true }));
  }

  /** A process commits rows and is killed. `failing`: which flush of it fails. */
  run(first: number, last: number, failing?: number): void {
    const path = join(this.#folder, "row.db");
    const output = join(this.#folder, "strace");
    const { status, signal, stdout, stderr } = spawnSync(
      "strace",
      [
        ...["-f", "-y", "-xx", "-s", "70000", "-o", output, "-e", "signal=none"],
        ...["-e", "trace=pwrite64,fsync,fdatasync,ftruncate,unlink"],
        ...["", "-wal", "-journal"].flatMap((companion) => ["-P", `${path}${companion}`]),
        ...(failing === undefined ? [] : ["-e", `inject=fsync:error=EIO:when=${failing}`]),
        ...[process.execPath, WRITER, path, String(first), String(last)],
      ],
      { encoding: "utf8" },
    );
    if (signal !== "SIGKILL") throw new Error(`the writer ended with ${status}, ${signal}:\n${stdout}${stderr}`);
    for (const call of readFileCalls(readFileSync(output, "utf8"))) this.#cache.take(call);
    const lines = stdout.trim().split("\n");
    this.acknowledged.push(...lines.filter((line) => /^\d+$/.test(line)).map(Number));
    this.refused += lines.filter((line) => line.startsWith("refused")).length;
  }

  /** The rows that a machine finds which comes up again after its power was cut. */
  afterPowerCut(): number[] {
    const folder = join(this.#folder, "after");
    mkdirSync(folder);
    for (const [path, content] of this.#cache.durable()) writeFileSync(path.replace(this.#folder, folder), content);
    const database = openSqlite(join(folder, "row.db"));
    expect(database.pragma("integrity_check", { simple: true })).toBe("ok");
    const rows = database.prepare<[], number>("select number from row order by number").pluck().all();
    database.close();
    return rows;
  }
}

/** Opening the empty database takes these flushes; each commit of a row takes one. */
const FLUSHES_BEFORE_ROWS = 5;

describe.skipIf(why !== undefined && process.env.CI !== "true")(
  `a flush that failed${why === undefined ? "" : ` (not tried: ${why})`}`,
  () => {
    test("the emulated disk forgets what no flush has confirmed", () => {
      const cache = new PageCache();
      const path = "/a";
      cache.take({ is: "write", path, at: 0, bytes: Buffer.from("kept") });
      cache.take({ is: "flush", path, failed: false });
      cache.take({ is: "write", path, at: 4096, bytes: Buffer.from("lost") });
      cache.take({ is: "flush", path, failed: true });
      cache.take({ is: "write", path, at: 8192, bytes: Buffer.from("late") });
      cache.take({ is: "flush", path, failed: false });
      const durable = cache.durable().get(path)?.toString().replaceAll("\0", "");
      expect(durable).toBe("keptlate");
    });

    test.each([1, 2, 4, 9])(
      "of commit %i is made good by whoever goes on: what is acknowledged after it outlives a power cut",
      (commit) => {
        const writing = new Writing();
        writing.run(1, 40, FLUSHES_BEFORE_ROWS + commit);
        expect(writing.refused).toBe(1);
        expect(writing.acknowledged).toHaveLength(39);
        expect(writing.afterPowerCut()).toEqual(expect.arrayContaining(writing.acknowledged));
      },
    );

    test("of the last commit before a kill takes nothing with it that is acknowledged after the next start", () => {
      const writing = new Writing();
      writing.run(1, 5, FLUSHES_BEFORE_ROWS + 5);
      expect(writing.refused).toBe(1);
      writing.run(6, 12);
      expect(writing.acknowledged).toEqual([1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 12]);
      expect(writing.afterPowerCut()).toEqual(expect.arrayContaining(writing.acknowledged));
    });
  },
);
