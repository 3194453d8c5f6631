import { createAuthority, openSqliteStore } from "@holdfast/inventory";
import { OperatingSystem, Site, tenantScope, type UplinkBatch } from "@holdfast/protocol";
import { systemClock } from "@holdfast/runtime";
import { expect, onTestFinished, test } from "vitest";
import { createRetirement } from "./retirement.ts";
import { HUB_MIGRATIONS, type HubTables } from "./tables.ts";
import type { Uplink } from "./uplink/uplink.ts";

/** A hub with a retired operating system and sites, of which some have spoken. */
async function start({ sites, spoken }: { sites: readonly string[]; spoken: readonly string[] }) {
  const store = await openSqliteStore({ path: ":memory:", migrations: HUB_MIGRATIONS });
  onTestFinished(() => store.close());
  const authority = await createAuthority({ store, clock: systemClock });
  const { id: tenant } = await authority.createTenant({ actor: "hub", name: "first" });
  const asked = { actor: "operator:alice", tenant };
  for (const id of sites) await authority.create(Site, { ...asked, id, fields: { name: id } });
  const row = { epoch: "e", incarnation: 1, cursor: 0, last_hash: "", last_reply: "{}", last_at: 0 };
  await store.write(async (tx) => {
    const tables = tx.tables<HubTables>();
    for (const site of spoken)
      await tables
        .insertInto("uplink_stream")
        .values({ site, ...row })
        .execute();
  });
  const os = await authority.create(OperatingSystem, { ...asked, fields: { sha256: "a".repeat(64) } });
  await authority.remove(OperatingSystem, { ...asked, id: os.resourceId });
  const { head } = await store.read((view) => view.feed(tenantScope(tenant), 0, 1));
  const retirement = createRetirement({ store, authority });
  const answer = async () => ({ reply: {} }) as never;
  const uplink: Uplink = retirement.noting({ take: answer, contact: answer });
  const witness = (seq: number, epoch = authority.epoch()) => {
    return { epoch, feed: [{ scope: tenantScope(tenant), seq, receipt: "" }] };
  };
  const say = (site: string, seq: number, epoch?: string) =>
    uplink.contact({ site, tenant }, { witness: witness(seq, epoch) });
  const push = (site: string, seq: number) =>
    uplink.take({ site, tenant }, { witness: witness(seq) } as unknown as UplinkBatch);
  return { authority, head, say, push, purge: () => retirement.purge() };
}

const [OSLO, BERGEN] = ["site-0000000a", "site-0000000b"];

test("what is retired goes once every site that has ever spoken has heard of it, and had time to say what it made (rule 12)", async () => {
  const { head, say, push, purge } = await start({ sites: [OSLO, BERGEN, "site-0000000c"], spoken: [OSLO, BERGEN] });
  await say(OSLO, head);
  expect([await purge(), await purge()], "Bergen was not heard").toEqual([0, 0]);
  await push(BERGEN, head - 1);
  expect([await purge(), await purge()], "Bergen is behind").toEqual([0, 0]);
  await push(BERGEN, head);
  expect(await purge(), "it has just heard").toBe(0);
  expect(await purge()).toBe(1);
});

test("it goes at the next occasion when no site has ever spoken", async () => {
  const { purge } = await start({ sites: [OSLO], spoken: [] });
  expect(await purge()).toBe(1);
});

test("what sites heard in another life of the hub does not count (rule 20)", async () => {
  const { authority, head, say, purge } = await start({ sites: [OSLO], spoken: [OSLO] });
  const earlier = authority.epoch();
  await say(OSLO, head);
  await purge();
  await authority.beginEpoch();
  expect(await purge()).toBe(0);
  await say(OSLO, head, earlier);
  expect([await purge(), await purge()]).toEqual([0, 0]);
});
