import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openSqliteStore, type Store } from "@holdfast/inventory";
import { expect, onTestFinished, test } from "vitest";
import { siteMigrations } from "../database/migrations.ts";
import { writeSetting } from "../database/settings.ts";
import { siteTables } from "../database/tables.ts";
import { storeDesired } from "./desired.ts";

const INCARNATION = 1_700_000_000;

/** A site's database that an earlier version has worked with, opened by this one. */
async function upgraded(earlierly: (earlier: Store) => Promise<void>): Promise<Store> {
  const home = mkdtempSync(join(tmpdir(), "holdfast-documents-"));
  onTestFinished(() => rmSync(home, { recursive: true, force: true }));
  const path = join(home, "site.db");
  const before = Object.entries(siteMigrations).filter(([name]) => name < "site-0010");
  const earlier = await openSqliteStore({ path, migrations: Object.fromEntries(before) });
  await earlierly(earlier);
  await earlier.close();
  const store = await openSqliteStore({ path, migrations: siteMigrations });
  onTestFinished(() => store.close());
  return store;
}

function told(store: Store, host: string, name: string) {
  const content = { name, generation: 1, metadata: {} };
  return store.write((transaction) => storeDesired(transaction, { host, incarnation: INCARNATION, content }));
}

/** As a version did that counted for each host alone: a host that was put out is forgotten, with how far it had counted. */
async function countedForEachHost(earlier: Store): Promise<void> {
  const document = { incarnation: INCARNATION, content: "{}", published: 1, reached: "" };
  await earlier.write(async (transaction) => {
    await writeSetting(transaction, "incarnation", INCARNATION);
    const documents = [
      { ...document, host: "host-0000000a", counter: 3 },
      { ...document, host: "host-0000000b", counter: 7 },
    ];
    await siteTables(transaction).insertInto("desired_document").values(documents).execute();
    await siteTables(transaction).deleteFrom("desired_document").where("host", "=", "host-0000000b").execute();
  });
}

test("after an upgrade a machine that was put out before is told in a version greater than any that it knows (rule 19)", async () => {
  const store = await upgraded(countedForEachHost);
  expect((await told(store, "host-0000000b", "again")).counter).toBeGreaterThan(7);
  const { counter } = await told(store, "host-0000000a", "new");
  expect(counter).toBeGreaterThan(7);
  expect((await told(store, "host-0000000b", "and again")).counter).toBe(counter + 1);
});

test("also where a version in between had begun to count for all hosts", async () => {
  const store = await upgraded(async (earlier) => {
    await countedForEachHost(earlier);
    await earlier.write((transaction) => writeSetting(transaction, "documents", 4));
  });
  expect((await told(store, "host-0000000b", "again")).counter).toBeGreaterThan(7);
});

test("a site that begins now counts from 1", async () => {
  const store = await upgraded(async () => undefined);
  expect((await told(store, "host-0000000a", "new")).counter).toBe(1);
});
