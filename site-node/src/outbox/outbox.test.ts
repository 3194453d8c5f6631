import { MAX_ENTRY_BYTES } from "@holdfast/protocol/uplink";
import { expect, test } from "vitest";
import { siteTables } from "../database/tables.ts";
import { observe } from "../hosts/observe.ts";
import { hostRow, OF, SITE, SITE_SCOPE, siteRow, TENANT, TENANT_SCOPE, TestSite } from "../testing/test-site.ts";
import { addLentIds, takeLentId } from "./id-pool.ts";
import { MAX_EVENTS } from "./outbox.ts";
import { boundReleased } from "./released.ts";
import { seal } from "./seal.ts";
import { nextIncarnation } from "./stream.ts";

const HOST = "host-00000001";

async function emptied(): Promise<TestSite> {
  const site = await TestSite.open();
  await site.write((transaction) => siteTables(transaction).deleteFrom("outbox").execute());
  return site;
}

const rows = (site: TestSite) => site.store.read((view) => siteTables(view).selectFrom("outbox").selectAll().execute());

test("a change of state is one entry until it is sealed, and a new one after", async () => {
  await using site = await emptied();
  await site.write(async (transaction) => {
    await site.outbox.touch(transaction, "host", HOST);
    await site.outbox.touch(transaction, "host", HOST);
    await siteTables(transaction).updateTable("outbox").set({ sealed: 1 }).execute();
    await site.outbox.touch(transaction, "host", HOST);
  });
  expect((await rows(site)).map(({ sealed }) => sealed)).toEqual([1, 0]);
});

test("of a release that waits only the newest is sent", async () => {
  await using site = await emptied();
  const release = { type: "release" as const, kind: "host", id: HOST, reason: "deleted" as const };
  await site.write(async (transaction) => {
    await site.outbox.add(transaction, { ...release, stamp: "one" });
    await site.outbox.add(transaction, { ...release, stamp: "two" });
  });
  expect((await rows(site)).map(({ body }) => JSON.parse(body ?? "").stamp)).toEqual(["two"]);
});

test("releases of two machines are two entries", async () => {
  await using site = await emptied();
  const release = { type: "release" as const, kind: "host", reason: "deleted" as const, stamp: "one" };
  await site.write(async (transaction) => {
    for (const id of [HOST, "host-00000002"]) await site.outbox.add(transaction, { ...release, id });
  });
  expect((await rows(site)).map(({ body }) => JSON.parse(body ?? "").id)).toEqual([HOST, "host-00000002"]);
});

test("of the machines that were let go the newest five thousand are remembered", async () => {
  await using site = await emptied();
  const left = await site.write(async (transaction) => {
    const tables = siteTables(transaction);
    for (let seq = 1; seq <= 5_002; seq += 1) {
      const released = { kind: "host", id: `host-${seq}`, reason: "deleted", stamp: "w-1", seq };
      await tables.insertInto("released").values(released).execute();
    }
    await boundReleased(transaction);
    return tables.selectFrom("released").select("seq").orderBy("seq").execute();
  });
  expect([left.length, left[0]?.seq]).toEqual([5_000, 3]);
});

test("events are bounded: the oldest give way and are counted; outcomes never do", async () => {
  await using site = await emptied();
  await site.write(async (transaction) => {
    await site.outbox.add(transaction, { type: "enrolment-used", id: "e", hostId: HOST, at: 1 });
    const many = Array.from({ length: MAX_EVENTS }, () => ({ lane: 3, key: null, body: "{}", sealed: 0, added_at: 1 }));
    for (let at = 0; at < many.length; at += 500) {
      await siteTables(transaction)
        .insertInto("outbox")
        .values(many.slice(at, at + 500))
        .execute();
    }
    await site.outbox.event(transaction, { kind: "host", subject: HOST, event: "newest" });
  });
  const left = await rows(site);
  expect(left.filter(({ lane }) => lane === 3)).toHaveLength(MAX_EVENTS);
  expect(left[0]?.body).toContain("enrolment-used");
  expect(left.at(-1)?.body).toContain("newest");
  const counted = await site.store.read((view) => siteTables(view).selectFrom("counter").selectAll().execute());
  expect(counted).toEqual([{ name: "events-dropped", value: 1 }]);
});

test("an event too large for an entry loses its detail, an intent too large is refused", async () => {
  await using site = await emptied();
  const text = "x".repeat(MAX_ENTRY_BYTES);
  await site.write((transaction) =>
    site.outbox.event(transaction, { kind: "host", subject: HOST, event: "big", detail: { text } }),
  );
  expect((await rows(site))[0]?.body).not.toContain("detail");
  const edit = {
    type: "edit" as const,
    intent: "i",
    kind: "host",
    id: HOST,
    field: "name",
    base: "",
    actor: "a",
    at: 1,
  };
  const adding = site.write((transaction) => site.outbox.add(transaction, { ...edit, value: text }));
  await expect(adding).rejects.toThrow(/at most/);
});

test("what is undone with its cause was never in the outbox", async () => {
  await using site = await emptied();
  const failing = site.write(async (transaction) => {
    await site.outbox.event(transaction, { kind: "host", subject: HOST, event: "never" });
    throw new Error("the cause failed");
  });
  await expect(failing).rejects.toThrow("the cause failed");
  expect(await rows(site)).toEqual([]);
});

test("before the hub was heard nothing is numbered", async () => {
  await using site = await emptied();
  await site.write(async (transaction) => {
    await transaction.setSetting("site-node:stream", "null");
    await site.outbox.event(transaction, { kind: "host", subject: HOST, event: "early" });
    expect(await seal(transaction, { site: SITE, tenant: TENANT, now: 1 })).toBeUndefined();
  });
  expect(OF.site).toBe(SITE);
});

test.each([
  ["the first of all", 0, 1_700_000_000_000, 1_700_000_000],
  ["a clock that went back", 1_700_000_500, 1_000, 1_700_000_501],
])("an incarnation is greater than any before: %s", (_what, last, now, expected) => {
  expect(nextIncarnation(last, now)).toBe(expected);
});

test("a lent id that was taken is not there after a crash, and is there when its use was undone", async () => {
  await using site = await emptied();
  await site.write((transaction) => addLentIds(transaction, { first: 5, count: 2 }));
  const undone = site.write(async (transaction) => {
    await takeLentId(transaction, "host");
    throw new Error("undone");
  });
  await expect(undone).rejects.toThrow("undone");
  expect(await site.write((transaction) => takeLentId(transaction, "host"))).toBe("host-00000005");
  await site.reopen();
  expect(await site.write((transaction) => takeLentId(transaction, "host"))).toBe("host-00000006");
  expect(await site.write((transaction) => takeLentId(transaction, "host"))).toBeUndefined();
});

test("however much of what waits has become nothing to say, what is behind it is sent", async () => {
  await using site = await emptied();
  await site.write(async (transaction) => {
    const key = (number: number) => `state/host/host-${number.toString(16).padStart(8, "0")}`;
    const many = Array.from({ length: 1_200 }, (_, number) => ({
      lane: 2,
      key: key(number),
      body: null,
      sealed: 0,
      added_at: 1,
    }));
    for (let at = 0; at < many.length; at += 400) {
      await siteTables(transaction)
        .insertInto("outbox")
        .values(many.slice(at, at + 400))
        .execute();
    }
    await site.outbox.event(transaction, { kind: "site", subject: SITE, event: "newest" });
  });
  const batch = await site.write((transaction) => seal(transaction, { site: SITE, tenant: TENANT, now: 1 }));
  expect(batch?.body).toContain("newest");
});

test("what this life of a site has not seen of a machine is left to the hub, and what it has seen is said (rule 21)", async () => {
  await using site = await TestSite.open();
  await site.feed(TENANT_SCOPE, 1, [siteRow()]);
  await site.feed(SITE_SCOPE, 2, [hostRow(HOST, 2)]);
  const kept = async (fields: object) => {
    await site.write((transaction) =>
      observe(transaction, { outbox: site.outbox, of: OF, now: 3 }, { id: HOST, seen: { fields } }),
    );
    const batch = await site.write(async (transaction) => {
      await siteTables(transaction).deleteFrom("sealed_batch").execute();
      return seal(transaction, { site: SITE, tenant: TENANT, now: 1 });
    });
    const { entries } = JSON.parse(batch?.body ?? "{}");
    return entries.findLast(({ type }: { type: string }) => type === "state").keep;
  };
  expect(await kept({ currentState: "HOST_STATE_ONBOARDED" })).toContain("hardware");
  expect(await kept({ cpuModel: "6502" })).not.toContain("hardware");
});

test("of a machine that was let go nothing more is said, unless it is wanted here again", async () => {
  await using site = await emptied();
  await site.feed(TENANT_SCOPE, 1, [siteRow()]);
  await site.feed(SITE_SCOPE, 5, [hostRow(HOST, 5, { desiredState: "HOST_STATE_DELETED" })]);
  const said = async () => {
    const batch = await site.write(async (transaction) => {
      await siteTables(transaction).deleteFrom("sealed_batch").execute();
      await observe(
        transaction,
        { outbox: site.outbox, of: OF, now: 1 },
        { id: HOST, seen: { fields: { cpuModel: "6502" } } },
      );
      await site.outbox.touch(transaction, "host", HOST);
      return seal(transaction, { site: SITE, tenant: TENANT, now: 1 });
    });
    return (JSON.parse(batch?.body ?? '{"entries":[]}').entries as { type: string }[]).map(({ type }) => type);
  };
  expect(await said()).toEqual(["state"]);
  const released = { kind: "host", id: HOST, reason: "deleted", stamp: "w5-desiredState", seq: 5 };
  await site.write((transaction) => siteTables(transaction).insertInto("released").values(released).execute());
  expect(await said()).toEqual([]);
  await site.write((transaction) => siteTables(transaction).updateTable("released").set({ stamp: "w1" }).execute());
  expect(await said()).toEqual(["state"]);
});
