import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createAuthority, openSqliteStore } from "@holdfast/inventory";
import { Host, Site, siteScope } from "@holdfast/protocol";
import { systemClock } from "@holdfast/runtime";
import { expect, test } from "vitest";
import { HUB_MIGRATIONS } from "../tables.ts";
import { createConflicts } from "./conflicts.ts";

const FIRST = Object.fromEntries(Object.entries(HUB_MIGRATIONS).filter(([name]) => name < "hub-0004"));
const ALICE = "operator:alice";

/** A database of the first version, with a host, a field of it that three wanted otherwise, and a host that is gone. */
async function firstVersion(path: string) {
  const store = await openSqliteStore({ path, migrations: FIRST });
  const authority = await createAuthority({ store, clock: systemClock });
  const { id: tenant } = await authority.createTenant({ actor: "hub", name: "default" });
  const site = (await authority.create(Site, { actor: ALICE, tenant, fields: { name: "oslo" } })).resourceId;
  const host = await authority.create(Host, { actor: ALICE, tenant, fields: { name: "standing", siteId: site } });
  const about = { tenant, site, kind: "host", resource_id: host.resourceId, field: "name", base: "b" };
  const hubs = { hub_value: '"older"', hub_stamp: "w-older" };
  const told = { ...about, ...hubs, reason: "somebody else has written the field", actor: "operator:bob" };
  const kept = [
    { ...told, intent: "e-1", site_value: '"one"', reported_at: 10, received_at: 100 },
    { ...told, intent: "e-2", site_value: '"two"', reported_at: 20, received_at: 200 },
    { ...told, intent: "e-3", resource_id: "host-00000000", site_value: '"lost"', reported_at: 30, received_at: 300 },
    { ...told, intent: "i-4", resource_id: "host-00000001", field: null, base: null, hub_value: null, hub_stamp: null },
  ];
  const creation = { site_value: '{"name":"made"}', reported_at: 40, received_at: 400 };
  await store.write((tx) => {
    const tables = tx.tables<{ conflict: Record<string, string | number | null> }>();
    const rows = kept.map((row) => ({ ...(row.field === null ? creation : {}), ...row }));
    return tables.insertInto("conflict").values(rows).execute();
  });
  await store.close();
  return { tenant, site, host };
}

test("what the first version kept of conflicts is open, one per field, and shown when the hub starts", async () => {
  const home = mkdtempSync(join(tmpdir(), "holdfast-hub-"));
  try {
    const path = join(home, "hub.db");
    const { tenant, site, host } = await firstVersion(path);
    const store = await openSqliteStore({ path, migrations: HUB_MIGRATIONS });
    const authority = await createAuthority({ store, clock: systemClock });
    const conflicts = createConflicts({ authority, clock: systemClock });
    expect(await conflicts.showAll()).toBe(3);
    expect(await conflicts.showAll()).toBe(0);
    const query = { tenant, limit: 10, offset: 0 };
    const { conflicts: open, total } = await store.read((view) => conflicts.list(view, query));
    const about = { tenant, kind: "host" };
    const bobs = { by: site, actor: "operator:bob", standing: false };
    expect([total, open]).toMatchObject([
      2,
      [
        {
          ...about,
          ...{ resourceId: "host-00000001", field: null, openedAt: 400 },
          values: [
            { write: "nothing", value: null, standing: true },
            { write: "i-4", value: { name: "made" }, at: 40, ...bobs },
          ],
        },
        {
          ...about,
          ...{ resourceId: host.resourceId, field: "name", openedAt: 100 },
          values: [
            { write: "w-older", value: "older", by: "hub", standing: false },
            { write: "e-1", value: "one", at: 10, ...bobs },
            { write: "e-2", value: "two", at: 20, ...bobs },
            { write: host.stamps.name?.id, value: "standing", by: "hub", actor: ALICE, standing: true },
          ],
        },
      ],
    ]);
    const { rows } = await store.read((view) => view.feed(siteScope(site), 0, 100));
    const shown = rows.filter(({ kind }) => kind === "conflict").map(({ id }) => id);
    expect(shown.sort()).toEqual(open.map(({ id }) => id).sort());
    await store.close();
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
});
