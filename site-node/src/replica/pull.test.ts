import type { Store, Transaction } from "@holdfast/inventory";
import { Host } from "@holdfast/protocol/kinds/host";
import { silentLog, systemClock } from "@holdfast/runtime";
import { expect, test } from "vitest";
import { siteTables } from "../database/tables.ts";
import { ShapeHub } from "../testing/shape-hub.ts";
import { hostRow, OF, SITE, SITE_SCOPE, siteRow, TENANT, TENANT_SCOPE, TestSite } from "../testing/test-site.ts";
import { HubLink } from "../uplink/hub-link.ts";
import { type FeedChange, seqOf } from "./apply.ts";
import { startPull } from "./pull.ts";

const HOST = "host-00000001";

/** What a site would find after a crash at each of its commits: how far it has got, and as what it shows the host. */
async function found(store: Store): Promise<{ seq: number; name: string | undefined }> {
  return store.read(async (view) => {
    const scope = siteTables(view).selectFrom("replica_position").select("position").where("scope", "=", SITE_SCOPE);
    const at = await scope.executeTakeFirst();
    return { seq: seqOf(at?.position ?? ""), name: (await view.get(Host, TENANT, HOST))?.fields.name };
  });
}

test("at no commit has a site got further than the rows that it has, so a crash skips none (rule 10)", async () => {
  await using site = await TestSite.open();
  const hubs = [new ShapeHub(TENANT_SCOPE), new ShapeHub(SITE_SCOPE)] as const;
  const commit = (hub: ShapeHub, change: FeedChange) => {
    if (change.is === "row") hub.commit(change);
  };
  commit(hubs[0], siteRow());
  commit(hubs[1], hostRow(HOST, 2, { name: "older" }));
  const crashes: { seq: number; name: string | undefined }[] = [];
  const store = new Proxy(site.store, {
    get(target, name) {
      const value = Reflect.get(target, name);
      if (name !== "write") return typeof value === "function" ? value.bind(target) : value;
      return async (work: (transaction: Transaction) => Promise<unknown>) => {
        const written = await target.write(work);
        crashes.push(await found(target));
        return written;
      };
    },
  });
  const ofSite = (url: string) => decodeURIComponent(url).includes(SITE);
  const fetching: typeof fetch = (input, init) => (ofSite(String(input)) ? hubs[1] : hubs[0]).fetch(input, init);
  const link = new HubLink({ hubUrl: "http://pull.test", token: "t", fetch: fetching, clock: systemClock });
  const parts = { store, link, beforeSnapshot: async () => undefined, replicaOf: async () => OF };
  const pull = startPull({ site: SITE, tenant: TENANT }, { ...parts, clock: systemClock, log: silentLog });
  await expect.poll(() => crashes.at(-1), { timeout: 10_000 }).toEqual({ seq: 2, name: "older" });
  commit(hubs[1], hostRow(HOST, 3, { name: "newer" }));
  await expect.poll(() => crashes.at(-1), { timeout: 10_000 }).toEqual({ seq: 3, name: "newer" });
  await pull.close();
  expect(crashes.filter(({ seq, name }) => seq === 3 && name !== "newer")).toEqual([]);
});
