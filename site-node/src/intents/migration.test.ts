import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openSqliteStore } from "@holdfast/inventory";
import { expect, onTestFinished, test } from "vitest";
import { siteMigrations } from "../database/migrations.ts";
import { siteTables } from "../database/tables.ts";
import { intentEntry, type LocalIntent } from "./entry.ts";
import { refusedIntents } from "./outcomes.ts";

const BEFORE = ["site-0001-first", "site-0002-putting-out", "site-0003-refusing"];

test("intents that an earlier version journalled are sent as they were, and what was turned down then is shown", async () => {
  const home = mkdtempSync(join(tmpdir(), "holdfast-intents-"));
  onTestFinished(() => rmSync(home, { recursive: true, force: true }));
  const path = join(home, "site.db");
  const first = Object.fromEntries(Object.entries(siteMigrations).filter(([name]) => BEFORE.includes(name)));
  const earlier = await openSqliteStore({ path, migrations: first });
  const common = { kind: "host", resource: "host-00000001", field: "name", base: "w", actor: "operator:a", at: 5 };
  await earlier.write((tx) =>
    tx
      .tables<{ local_intent: Partial<LocalIntent> & { reason?: string } }>()
      .insertInto("local_intent")
      .values([
        { ...common, id: "i-1", value: '"one"' },
        { ...common, id: "i-2", value: '"two"', outcome: "quarantined", reason: "no" },
      ])
      .execute(),
  );
  await earlier.close();

  const store = await openSqliteStore({ path, migrations: siteMigrations });
  onTestFinished(() => store.close());
  const [one] = await store.read((view) => siteTables(view).selectFrom("local_intent").selectAll().execute());
  if (!one) throw new Error("the intent is gone");
  const { resource: id, ...rest } = common;
  expect(intentEntry(one)).toEqual({ type: "edit", intent: "i-1", id, value: "one", ...rest });
  expect(await store.read(refusedIntents)).toMatchObject([{ id: "i-2", result: "quarantined", reason: "no" }]);
});
