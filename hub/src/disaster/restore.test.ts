import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { auditHead, verifyLog } from "@holdfast/inventory";
import { auditPage } from "@holdfast/inventory/audit/query";
import { silentLog, systemClock } from "@holdfast/runtime";
import { holdHome } from "@holdfast/runtime/home";
import { openSqlite } from "@holdfast/runtime/sqlite";
import { expect, test } from "vitest";
import { feedPosition } from "../feeds/feed-position.ts";
import { backUp } from "./backup.ts";
import { scratch, TestHome } from "./harness.ts";
import { readHighWater, writeHighWater } from "./high-water.ts";
import { readyHome } from "./ready-home.ts";
import { restore } from "./restore.ts";

const KILLED = join(import.meta.dirname, "killed-restore.ts");
const put = (home: string, file: string, force = false) => restore({ home, file, force, clock: systemClock });

/** A home with a site and two regions, and a backup of when there was one region. */
async function homeWithBackup(): Promise<{ home: string; file: string; epoch: string; position: number }> {
  const { home } = await TestHome.withProject();
  await home.site("oslo");
  await home.region("in the backup");
  const file = join(scratch(), "backup");
  backUp({ home: home.home, file, force: false });
  await home.region("made since");
  const position = await home.store.read(feedPosition);
  const log = readFileSync(`${home.home}/hub.db-wal`);
  await home.store.close();
  // As a hub leaves it that was ended hard. It belongs to this database alone and must never be taken for another's.
  writeFileSync(`${home.home}/hub.db-wal`, log);
  writeHighWater(home.home, { epoch: home.authority.epoch(), seq: position, at: 1 });
  return { home: home.home, file, epoch: home.authority.epoch(), position };
}

const oldOnes = (home: string) => readdirSync(home).filter((name) => name.startsWith("hub.db.before-restore-"));

test("a restore puts the backup in place as another life, keeps the old database, and holds all sites (rules 20, 21)", async () => {
  const { home, file, epoch, position } = await homeWithBackup();
  const { aside, epoch: begun, contents } = await put(home, file);
  expect(contents).toMatchObject({ epoch, resources: { region: 1, site: 1 } });
  await using restored = await TestHome.open(home);
  expect(await restored.regions()).toEqual(["in the backup"]);
  expect(restored.authority.epoch()).toBe(begun);
  expect(restored.authority.lineage()).toEqual([epoch, begun]);
  expect(await restored.held()).toEqual(["hub-restored"]);
  const now = await restored.store.read(feedPosition);
  expect(now).toBeGreaterThan(position);
  expect(readHighWater(home)).toMatchObject({ epoch: begun, seq: now });
  expect(oldOnes(home)).toEqual([aside, `${aside}-wal`]);
  const old = openSqlite(join(home, aside ?? ""));
  expect(old.prepare("select name from region order by name").pluck().all()).toEqual(["in the backup", "made since"]);
  old.close();
  expect(statSync(join(home, "hub.db")).mode & 0o777).toBe(0o600);
  expect(readdirSync(home).filter((name) => /prepared|restore\.json/.test(name))).toEqual([]);
});

test("the audit log of a backup goes on whole, and tells who restored it and where the log that gave way had ended", async () => {
  const { home, file, epoch, position } = await homeWithBackup();
  const lost = { seq: 999, hash: "ab".repeat(32) };
  writeHighWater(home, { epoch, seq: position, at: 1, audit: lost });
  const { epoch: begun } = await put(home, file);
  await using restored = await TestHome.open(home);
  const { store } = restored;
  expect(await store.read(verifyLog)).not.toHaveProperty("broken");
  expect(readHighWater(home)?.audit).toEqual(await store.read(auditHead));
  const { entries } = await store.read((view) => auditPage(view, { kind: "epoch", order: "oldest", limit: 9 }));
  expect(entries.map(({ projectId }) => projectId === "")).toEqual([true, false]);
  for (const entry of entries) {
    expect(entry).toMatchObject({ actor: "operator:local", before: { epoch, head: lost } });
    expect(entry.after).toEqual({ epoch: begun, reason: "hub-restored" });
  }
});

test("a restore into a home that has nothing begins there", async () => {
  const { file } = await homeWithBackup();
  const home = join(scratch(), "new");
  expect((await put(home, file)).aside).toBeNull();
  await using restored = await TestHome.open(home);
  expect(await restored.regions()).toEqual(["in the backup"]);
});

test("a restore takes the files of a hub that was ended hard, with the log beside its database", async () => {
  const { home } = await TestHome.withProject();
  await using _home = home;
  await home.region("in the log");
  const file = join(scratch(), "copied.db");
  for (const part of ["", "-wal"]) copyFileSync(`${home.home}/hub.db${part}`, `${file}${part}`);
  const elsewhere = scratch();
  await put(elsewhere, file);
  await using restored = await TestHome.open(elsewhere);
  expect(await restored.regions()).toEqual(["in the log"]);
});

test("what is no good backup is refused by name, and nothing is touched", async () => {
  const { home, file } = await homeWithBackup();
  const before = readdirSync(home).sort();
  const folder = scratch();
  const whole = readFileSync(file);
  const bad = (name: string, content: Buffer | string) => {
    writeFileSync(join(folder, name), content);
    return join(folder, name);
  };
  const flipped = Buffer.from(whole);
  flipped.fill(0xff, 8 * 4096, 9 * 4096);
  const newer = bad("newer", whole);
  const database = openSqlite(newer);
  database.prepare("insert into kysely_migration (name, timestamp) values ('hub-9999-later', '')").run();
  database.close();
  const foreign = openSqlite(bad("other", ""));
  foreign.exec("create table t (x)");
  foreign.close();
  const refusals: [file: string, why: RegExp][] = [
    [join(folder, "absent"), /FILE: reading .*absent failed: there is no such file/],
    [folder, /is a directory/],
    ["/dev/null", /FILE: \/dev\/null is no file/],
    [bad("empty", ""), /no hub's/],
    [bad("text", "hello, this is no database at all".repeat(100)), /text is no database/],
    [bad("cut", whole.subarray(0, whole.length / 2)), /cut is damaged/],
    [bad("flipped", flipped), /flipped is damaged/],
    [newer, /newer is of a newer version of the hub.*hub-9999-later/],
    [join(folder, "other"), /no hub's/],
    [join(home, "hub.db"), /what the hub has already/],
  ];
  for (const [path, why] of refusals) await expect(put(home, path)).rejects.toThrow(why);
  expect(readdirSync(home).sort()).toEqual(expect.arrayContaining(before));
  expect(readdirSync(home).filter((name) => /prepared|restore/.test(name))).toEqual([]);
  await using untouched = await TestHome.open(home);
  expect(await untouched.regions()).toEqual(["in the backup", "made since"]);
});

test("the backup of another hub is taken only when that is said", async () => {
  const [{ home }, { file }] = [await homeWithBackup(), await homeWithBackup()];
  await expect(put(home, file)).rejects.toThrow(/of another hub.*--force/);
  await put(home, file, true);
});

test("a home that a hub holds is not restored", async () => {
  const { home, file } = await homeWithBackup();
  const held = holdHome(home, "hub");
  await expect(put(home, file)).rejects.toThrow(/in use by another hub/);
  await held.close();
});

test.each([
  ["copy", "old"],
  ["prepare", "old"],
  ["decide", "old"],
  ["put -wal aside", "new"],
  ["put the database aside", "new"],
  ["rename", "new"],
  ["mark", "new"],
  ["end", "new"],
])(
  "a restore that is killed before the step '%s' leaves the %s database, whole, at the next start",
  async (step, which) => {
    const { home, file, epoch } = await homeWithBackup();
    // A log that belongs to the old database: it must never be taken for the new one's.
    writeFileSync(join(home, "hub.db-wal"), "");
    const { signal } = spawnSync(process.execPath, [KILLED, home, file, step], { stdio: "inherit" });
    expect(signal).toBe("SIGKILL");
    readyHome(home, silentLog);
    await using after = await TestHome.open(home);
    expect(await after.regions()).toEqual(which === "new" ? ["in the backup"] : ["in the backup", "made since"]);
    expect(after.authority.epoch() === epoch).toBe(which === "old");
    expect(readHighWater(home)?.epoch).toBe(after.authority.epoch());
    expect(oldOnes(home).filter((name) => !name.endsWith("-wal"))).toHaveLength(which === "new" ? 1 : 0);
    expect(readdirSync(home).filter((name) => /prepared|restore\.json/.test(name))).toEqual([]);
    expect(existsSync(join(home, "hub.db"))).toBe(true);
  },
);

test("a home whose database is gone is not begun anew in silence", async () => {
  const home = scratch();
  readyHome(home, silentLog);
  writeHighWater(home, { epoch: "a", seq: 1, at: 1 });
  expect(() => readyHome(home, silentLog)).toThrow(/hub.db is gone.*restore FILE.*recover --from-sites.*remove/);
});

test.each([
  "",
  "{",
  "null",
  "{}",
  '{"aside": "../elsewhere", "mark": {"epoch": "e", "seq": 1, "at": 1}}',
  '{"aside": null}',
])("a restore whose decision was damaged to %j is refused in words, and nothing is moved", async (decision) => {
  const { home } = await homeWithBackup();
  copyFileSync(`${home}/hub.db`, `${home}/hub.db.prepared`);
  writeFileSync(`${home}/restore.json`, decision);
  const before = readdirSync(home);
  expect(() => readyHome(home, silentLog)).toThrow(/restore.json is damaged/);
  expect(readdirSync(home)).toEqual(before);
});
