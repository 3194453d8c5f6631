import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Region } from "@holdfast/protocol";
import { openSqlite } from "@holdfast/runtime/sqlite";
import { expect, onTestFinished, test } from "vitest";
import { startTestHub, type TestHub } from "../hub-harness.ts";
import { backUp } from "./backup.ts";
import { inspectDatabase } from "./inspect.ts";

function scratch(): string {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-backup-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

async function region(hub: TestHub, name: string): Promise<void> {
  const [tenant] = await hub.hub.store.read((view) => view.tenants());
  await hub.hub.authority.create(Region, { actor: "hub", tenant: tenant?.id ?? "", fields: { name } });
}

test("a backup of a hub that runs holds what was acknowledged, in one private file, and says what that is", async () => {
  await using hub = await startTestHub();
  await region(hub, "north");
  const file = join(scratch(), "hub.backup");
  const said = backUp({ home: hub.home, file, force: false });
  expect(said).toMatchObject({ epoch: hub.hub.authority.epoch(), projects: 1, tokens: 1, resources: { region: 1 } });
  expect(said).toEqual(inspectDatabase(file));
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(readdirSync(join(file, ".."))).toEqual(["hub.backup"]);
});

test("a backup taken without a hub is the same, also after the hub was ended hard", async () => {
  await using hub = await startTestHub();
  await region(hub, "north");
  const [running, stopped] = [join(scratch(), "a"), join(scratch(), "b")];
  const said = backUp({ home: hub.home, file: running, force: false });
  await hub.stop();
  expect(backUp({ home: hub.home, file: stopped, force: false })).toMatchObject({ ...said, bytes: expect.any(Number) });
  await hub.restart();
});

test("a backup under writes that never end is one moment: every write is in it whole, with its history and its feed", async () => {
  await using hub = await startTestHub();
  let writing = true;
  const written = (async () => {
    for (let count = 1; writing; count += 1) await region(hub, `region ${count}`);
  })();
  const folder = scratch();
  for (let take = 0; take < 5; take += 1) {
    await new Promise((resolve) => setImmediate(resolve));
    await region(hub, `take ${take}`);
    const file = join(folder, `take-${take}`);
    const { resources, position } = backUp({ home: hub.home, file, force: false });
    const copy = openSqlite(file);
    const count = (sql: string) => (copy.prepare(sql).get() as { n: number }).n;
    expect(resources.region).toBeGreaterThan(take);
    expect(count("select count(*) as n from feed where kind = 'region'")).toBe(resources.region);
    expect(count("select count(*) as n from change_log where kind = 'region'")).toBe(resources.region);
    expect(count("select max(seq) as n from feed")).toBe(position);
    copy.close();
  }
  writing = false;
  await written;
});

test("a file that is there is replaced only when that is said, and never the hub's own database", async () => {
  await using hub = await startTestHub();
  const file = join(scratch(), "taken");
  writeFileSync(file, "precious");
  expect(() => backUp({ home: hub.home, file, force: false })).toThrow(/FILE: .*taken is there already \(--force/);
  expect(readFileSync(file, "utf8")).toBe("precious");
  expect(backUp({ home: hub.home, file, force: true }).projects).toBe(1);
  const own = join(hub.home, "hub.db");
  expect(() => backUp({ home: hub.home, file: own, force: true })).toThrow(/the hub's own database/);
});

test("a place that cannot be written to is named, and nothing is left there", async () => {
  await using hub = await startTestHub();
  const folder = scratch();
  const to = (file: string) => () => backUp({ home: hub.home, file, force: true });
  expect(to(join(folder, "no", "where"))).toThrow(/FILE: there is no directory .*no$/);
  mkdirSync(join(folder, "directory"));
  expect(to(join(folder, "directory"))).toThrow(/FILE: .* is a directory/);
  expect(() => backUp({ home: folder, file: join(folder, "x"), force: false })).toThrow(/no hub has run with this/);
  // A device that is always full, by way of a link.
  expect(to("/dev/full/x")).toThrow(/\/dev\/full/);
  expect(readdirSync(folder)).toEqual(["directory"]);
});

test("a database that is damaged gives no backup, and says so", async () => {
  await using hub = await startTestHub();
  await hub.stop();
  const database = join(hub.home, "hub.db");
  const whole = readFileSync(database);
  chmodSync(database, 0o600);
  writeFileSync(database, whole.subarray(0, whole.length / 2));
  const folder = scratch();
  expect(() => backUp({ home: hub.home, file: join(folder, "x"), force: false })).toThrow(
    /damaged|malformed|cut short/,
  );
  expect(readdirSync(folder)).toEqual([]);
  writeFileSync(database, whole);
  await hub.restart();
});
