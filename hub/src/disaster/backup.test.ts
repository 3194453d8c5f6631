import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openSqlite } from "@holdfast/runtime/sqlite";
import { expect, test } from "vitest";
import { backUp } from "./backup.ts";
import { scratch, TestHome } from "./harness.ts";
import { inspectDatabase } from "./inspect.ts";

const to = ({ home }: TestHome, file: string, force = false) => backUp({ home, file, force });

test("a backup of a database in use holds what was acknowledged, in one private file, and says what that is", async () => {
  const { home } = await TestHome.withProject();
  await using _home = home;
  await home.region("north");
  await home.tokens.createOperator({ name: "a", role: "write", tenants: "all" });
  const file = join(scratch(), "hub.backup");
  const said = to(home, file);
  expect(said).toMatchObject({ epoch: home.authority.epoch(), projects: 1, tokens: 1, resources: { region: 1 } });
  expect(said).toEqual(inspectDatabase(file));
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(readdirSync(join(file, ".."))).toEqual(["hub.backup"]);
});

test("a backup of a database that nobody has open is the same", async () => {
  const { home } = await TestHome.withProject();
  await home.region("north");
  const [running, stopped] = [join(scratch(), "a"), join(scratch(), "b")];
  const said = to(home, running);
  await home[Symbol.asyncDispose]();
  expect(to(home, stopped)).toEqual(said);
});

test("a backup under writes that never end is one moment: every write is in it whole, with its history and its feed", async () => {
  const { home } = await TestHome.withProject();
  await using _home = home;
  const stop = new AbortController();
  const written = (async () => {
    for (let count = 1; !stop.signal.aborted; count += 1) await home.region(`region ${count}`);
  })();
  try {
    const folder = scratch();
    for (let take = 0; take < 5; take += 1) {
      await home.region(`take ${take}`);
      const { resources, position } = to(home, join(folder, `take-${take}`));
      const copy = openSqlite(join(folder, `take-${take}`));
      const count = (sql: string) => (copy.prepare(sql).get() as { n: number }).n;
      expect(resources.region).toBeGreaterThan(take);
      expect(count("select count(*) as n from feed where kind = 'region'")).toBe(resources.region);
      expect(count("select count(*) as n from change_log where kind = 'region'")).toBe(resources.region);
      expect(count("select max(seq) as n from feed")).toBe(position);
      copy.close();
    }
  } finally {
    stop.abort();
    await written;
  }
});

test("a file that is there is replaced only when that is said, and never the hub's own database", async () => {
  const { home } = await TestHome.withProject();
  await using _home = home;
  const file = join(scratch(), "taken");
  writeFileSync(file, "precious");
  expect(() => to(home, file)).toThrow(/FILE: .*taken is there already \(--force/);
  expect(readFileSync(file, "utf8")).toBe("precious");
  expect(to(home, file, true).projects).toBe(1);
  expect(() => to(home, join(home.home, "hub.db"), true)).toThrow(/the hub's own database/);
});

test("a place that cannot be written to is named, and nothing is left there", async () => {
  const { home } = await TestHome.withProject();
  await using _home = home;
  const folder = scratch();
  expect(() => to(home, join(folder, "no", "where"), true)).toThrow(/FILE: there is no directory .*no$/);
  mkdirSync(join(folder, "directory"));
  expect(() => to(home, join(folder, "directory"), true)).toThrow(/FILE: .* is a directory/);
  expect(() => to(home, "/dev/null")).toThrow(/FILE: \/dev\/null is no file/);
  expect(() => backUp({ home: folder, file: join(folder, "x"), force: false })).toThrow(/no hub has run with this/);
  writeFileSync(join(folder, "file"), "");
  const unreadable = { home: join(folder, "file"), file: join(folder, "x"), force: false };
  expect(() => backUp(unreadable)).toThrow(/--home .*file cannot be read/);
  rmSync(join(folder, "file"));
  expect(() => to(home, "/proc/x", true)).toThrow(/writing \/proc\/x failed: there is no such file/);
  expect(readdirSync(folder)).toEqual(["directory"]);
});

test("a database that is damaged gives no backup, and says so", async () => {
  const { home } = await TestHome.withProject();
  await home.region("north");
  await home[Symbol.asyncDispose]();
  const database = join(home.home, "hub.db");
  const whole = readFileSync(database);
  writeFileSync(database, whole.subarray(0, whole.length / 2));
  const folder = scratch();
  expect(() => to(home, join(folder, "x"))).toThrow(/damaged/);
  expect(readdirSync(folder)).toEqual([]);
});
