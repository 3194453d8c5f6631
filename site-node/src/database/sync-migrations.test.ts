import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openSqliteStore } from "@holdfast/inventory";
import { expect, onTestFinished, test } from "vitest";
import { siteMigrations } from "./migrations.ts";
import { siteTables } from "./tables.ts";

test("what the replica held before its rows lay with their bodies, it holds after", async () => {
  const home = mkdtempSync(join(tmpdir(), "holdfast-rows-"));
  onTestFinished(() => rmSync(home, { recursive: true, force: true }));
  const path = join(home, "site.db");
  const earlierOnes = Object.entries(siteMigrations).filter(([name]) => name < "site-0009");
  const earlier = await openSqliteStore({ path, migrations: Object.fromEntries(earlierOnes) });
  const rows = [
    { scope: "s", kind: "host", id: "host-00000001", seq: 7, body: "{}", parked: null, parked_at: null },
    { scope: "s", kind: "host", id: "host-00000002", seq: 9, body: null, parked: "waits", parked_at: 5 },
  ];
  await earlier.write((tx) => siteTables(tx).insertInto("replica_row").values(rows).execute());
  await earlier.close();

  const store = await openSqliteStore({ path, migrations: siteMigrations });
  onTestFinished(() => store.close());
  const held = await store.read((view) =>
    siteTables(view).selectFrom("replica_row").selectAll().orderBy("id").execute(),
  );
  expect(held).toEqual(rows);
});
