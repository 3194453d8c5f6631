import { Host } from "@holdfast/protocol/kinds/host";
import { expect, test } from "vitest";
import { writeSetting } from "../database/settings.ts";
import { siteTables } from "../database/tables.ts";
import { hostRow, OF, SITE, SITE_SCOPE, siteRow, TENANT, TENANT_SCOPE, TestSite } from "../testing/test-site.ts";
import { lookAgain } from "./look-again.ts";

const HOST = "host-00000001";
const NOW = { protocolVersion: 2, now: 5_000 };

/** A site of protocol 2 with a host. */
async function withHost(): Promise<TestSite> {
  const site = await TestSite.open();
  await site.write((transaction) => writeSetting(transaction, "versions", { hub: 2, site: 2 }));
  await site.feed(TENANT_SCOPE, 1, [siteRow()]);
  await site.feed(SITE_SCOPE, 2, [hostRow(HOST, 2)]);
  return site;
}

function parked(site: TestSite) {
  const rows = (columns: ("id" | "parked" | "parked_at")[]) =>
    site.store.read((view) =>
      siteTables(view).selectFrom("replica_row").select(columns).where("parked", "is not", null).execute(),
    );
  return rows(["id", "parked", "parked_at"]);
}

/** As a program before this one would have stored a row: it did not know what this one knows. */
async function asStoredBefore(site: TestSite, id: string, change: { body?: object; parked?: string }): Promise<void> {
  const { body, ...rest } = change;
  const row = body === undefined ? rest : { ...rest, body: JSON.stringify(body) };
  await site.write((tx) => siteTables(tx).updateTable("replica_row").set(row).where("id", "=", id).execute());
}

async function bodyOf(site: TestSite, id: string) {
  const row = await site.store.read((view) =>
    siteTables(view).selectFrom("replica_row").select("body").where("id", "=", id).executeTakeFirstOrThrow(),
  );
  return JSON.parse(row.body ?? "null");
}

test("what waited is tried again at a start, also without a hub (rule 23)", async () => {
  await using site = await withHost();
  const hold = { tenant: TENANT, hold: "hold-1", reason: "hub-restored", since: 1 };
  await site.feed(SITE_SCOPE, 3, [
    { is: "row", kind: "hold", id: SITE, seq: 3, body: JSON.stringify(hold) },
    { is: "row", kind: "toaster", id: "toaster-1", seq: 3, body: "{}" },
    hostRow("host-00000003", 3, { desiredState: "HOST_STATE_LEVITATING" }),
  ]);
  await asStoredBefore(site, SITE, { parked: "this version does not know the kind" });
  const body = await bodyOf(site, "host-00000003");
  body.fields.desiredState = "HOST_STATE_ONBOARDED";
  await asStoredBefore(site, "host-00000003", { body });
  await site.reopen();
  await lookAgain(site.store, OF, NOW);
  expect((await site.get(Host, "host-00000003"))?.fields.desiredState).toBe("HOST_STATE_ONBOARDED");
  const reason = "this version does not know the kind";
  expect(await parked(site)).toEqual([{ id: "toaster-1", parked: reason, parked_at: 1_000 }]);
});

test("another version than the one before shows all anew from the rows as they came (rule 23)", async () => {
  await using site = await withHost();
  const body = await bodyOf(site, HOST);
  body.fields.note = "a field that the version before did not know";
  await asStoredBefore(site, HOST, { body });
  await site.reopen();
  await lookAgain(site.store, OF, NOW);
  expect((await site.get(Host, HOST))?.fields.note).toBeUndefined();
  await lookAgain(site.store, OF, { ...NOW, protocolVersion: 3 });
  expect((await site.get(Host, HOST))?.fields.note).toBe("a field that the version before did not know");
});
