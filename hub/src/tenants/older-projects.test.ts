import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openSqliteStore } from "@holdfast/inventory";
import { fullResources } from "@holdfast/inventory/store/conformance/fixture";
import { Provider, Region, type Resource, TelemetryLogsGroup, TelemetryMetricsGroup } from "@holdfast/protocol";
import { silentLog, systemClock } from "@holdfast/runtime";
import { Value } from "typebox/value";
import { expect, onTestFinished, test } from "vitest";
import { HubConfig } from "../config.ts";
import { databaseOf } from "../home.ts";
import { createHub } from "../hub.ts";
import { until } from "../hub-harness.ts";
import { findSecretsKey } from "../secrets/find-key.ts";
import { HUB_MIGRATIONS } from "../tables.ts";
import { projectIn } from "./book.ts";

/** The hub's migrations of the release that knew no organisations. */
const BEFORE = Object.fromEntries(Object.entries(HUB_MIGRATIONS).filter(([name]) => name < "hub-0014"));

test("a project that is older than the defaults has them once a newer hub has started, and keeps what it had", async () => {
  const home = mkdtempSync(join(tmpdir(), "holdfast-older-"));
  onTestFinished(() => rmSync(home, { recursive: true }));
  const tenant = "11111111-1111-4111-8111-111111111111";
  const secretsKey = findSecretsKey({ home }, silentLog);
  const older = await openSqliteStore({ path: databaseOf(home), migrations: BEFORE, secretsKey });
  const made = fullResources(1).flatMap(({ kind, full }) =>
    kind === Provider || kind === Region ? [{ kind, full }] : [],
  );
  await older.write(async (tx) => {
    await tx.insertTenant({ id: tenant, name: "acme" });
    for (const { kind, full } of made) {
      const own = kind === Provider ? { name: "infra_onboarding", apiEndpoint: "mine" } : {};
      await tx.insert(kind, { ...full, tenant, fields: { ...full.fields, ...own } } as Resource);
    }
  });
  await older.close();
  const config = { ...(Value.Default(HubConfig, {}) as HubConfig), home, hubPort: 0 };
  const hub = await createHub(config, { clock: systemClock, log: silentLog });
  onTestFinished(() => hub.close());
  const state = async () => (await hub.store.read((view) => projectIn(view, "acme")))?.state;
  await until("the project has its defaults", async () => (await state()) === "active");
  const [providers, regions, logs, metrics] = await hub.store.read((view) =>
    Promise.all(
      [Provider, Region, TelemetryLogsGroup, TelemetryMetricsGroup].map((kind) => view.find(kind, {}, tenant)),
    ),
  );
  expect(providers?.map(({ fields }) => (fields as { apiEndpoint?: string }).apiEndpoint)).toEqual(["mine"]);
  expect([regions?.length, logs?.length, metrics?.length]).toEqual([1, 6, 8]);
});
