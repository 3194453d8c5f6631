import type { ConflictBody } from "@holdfast/protocol";
import { Host } from "@holdfast/protocol";
import { expect, test } from "vitest";
import type { TestHub, TestSite } from "../hub-harness.ts";
import type { Origin } from "../uplink/origin.ts";
import { recordRecovered, recoverConflict } from "./recover.ts";
import { CONFLICTS, conflictsAt, edit, HOSTS, rowsOf, stampOf, startWithHost } from "./under-test.ts";

const ID = "conflict-00000000000000aa";

const originOf = (site: TestSite): Origin => {
  return { site: site.id, tenant: site.tenant, stream: { epoch: "e", incarnation: 1 }, now: 5_000 };
};

/** A conflict as a site held it before the hub lost history. */
async function giveBack(hub: TestHub, site: TestSite, body: ConflictBody, id = ID) {
  await hub.hub.store.write((tx) => recoverConflict(tx, { id, body, origin: originOf(site) }));
}

function heldAt(site: TestSite, resourceId: string, values: Partial<ConflictBody["values"][number]>[]): ConflictBody {
  const about = { tenant: site.tenant, kind: "host", resourceId, field: "name", openedAt: 1 };
  const told = { actor: "operator:bob", at: 1_000, standing: false };
  return { ...about, values: values.map((value) => ({ write: "w", value: null, by: site.id, ...told, ...value })) };
}

test("a conflict that the hub has lost is open again under its id, with the value that stands now (rule 20)", async () => {
  const { hub: opened, site, id } = await startWithHost();
  await using hub = opened;
  const hubs = { write: "w-lost", value: "lost", by: "hub", actor: "operator:alice", standing: true };
  await giveBack(hub, site, heldAt(site, id, [hubs, { write: "e-1", value: "mine", reason: "why" }]));
  await giveBack(hub, site, heldAt(site, id, [hubs, { write: "e-1", value: "mine", reason: "why" }]));
  const shown = (await conflictsAt(hub, site)).get(ID);
  expect(shown?.values).toMatchObject([
    { write: await stampOf(hub, site, id), value: "first", standing: true },
    { write: "w-lost", value: "lost", by: "hub", standing: false },
    { write: "e-1", value: "mine", by: site.id, reason: "why", standing: false },
  ]);
});

test("values that the hub does not know join the conflict that it has", async () => {
  const { hub: opened, site, sender, id } = await startWithHost();
  await using hub = opened;
  const base = await stampOf(hub, site, id);
  await hub.ask("PATCH", `${HOSTS}/${id}`, { name: "second" });
  const { conflict } = (await sender.send([edit("e-1", id, base)])).body.outcomes[0];
  await giveBack(hub, site, heldAt(site, id, [{ write: "e-1" }, { write: "e-2", value: "too" }]));
  const shown = await conflictsAt(hub, site);
  expect([...shown.keys()]).toEqual([conflict]);
  expect(
    shown
      .get(conflict)
      ?.values.map(({ write }) => write)
      .slice(1),
  ).toEqual(["e-1", "e-2"]);
});

test("a conflict that an operator has ended stays ended", async () => {
  const { hub: opened, site, id } = await startWithHost();
  await using hub = opened;
  const held = heldAt(site, id, [{ write: "e-1", value: "mine" }]);
  await giveBack(hub, site, held);
  expect((await hub.ask("POST", `${CONFLICTS}/${ID}/resolve`, { choose: "e-1" })).status).toBe(200);
  await giveBack(hub, site, held);
  expect((await hub.ask("GET", CONFLICTS)).body.totalElements).toBe(0);
});

test("a site is believed in what it wanted itself, and in the rest only of what it manages", async () => {
  const { hub: opened, site, id } = await startWithHost();
  await using hub = opened;
  const stranger = await hub.site();
  await giveBack(
    hub,
    stranger,
    heldAt(stranger, id, [
      { write: "w-1", by: "hub" },
      { write: "w-2", by: site.id },
    ]),
  );
  expect((await hub.ask("GET", CONFLICTS)).body.totalElements).toBe(0);
  await giveBack(
    hub,
    stranger,
    heldAt(stranger, id, [
      { write: "w-1", by: "hub" },
      { write: "e-1", value: "theirs" },
    ]),
  );
  const shown = (await conflictsAt(hub, stranger)).get(ID);
  expect(shown?.values.map(({ write }) => write)).toEqual([await stampOf(hub, site, id), "e-1"]);
});

test("of a host that is gone no conflict comes back, only history", async () => {
  const { hub: opened, site } = await startWithHost();
  await using hub = opened;
  await giveBack(hub, site, heldAt(site, "host-00000000", [{ write: "e-1", value: "mine" }]));
  expect((await hub.ask("GET", CONFLICTS)).body.totalElements).toBe(0);
  expect(await rowsOf(hub, "event")).toMatchObject([{ id: "e-1", event: "conflict-dropped" }]);
});

test("what can be told neither older nor newer is a conflict, and a host that cannot be made again is one too", async () => {
  const { hub: opened, site, id } = await startWithHost();
  await using hub = opened;
  const found = { kind: Host, origin: originOf(site), reason: "it cannot be told" };
  const fields = { name: "again", serialNumber: "SN00001" };
  await hub.hub.store.write(async (tx) => {
    await recordRecovered(tx, { ...found, id, field: "name", held: { write: "w-9", value: "held" } });
    await recordRecovered(tx, { ...found, id, field: "name", held: { write: "w-9", value: "held" } });
    await recordRecovered(tx, { ...found, id: "host-0000beef", field: null, held: { write: "c-9", value: fields } });
  });
  const shown = [...(await conflictsAt(hub, site)).values()];
  expect(shown.find(({ field }) => field === "name")?.values).toMatchObject([{}, { write: "w-9", by: site.id }]);
  const [whole] = (await hub.ask("GET", `${CONFLICTS}?resourceId=host-0000beef`)).body.conflicts;
  expect((await hub.ask("POST", `${CONFLICTS}/${whole.id}/resolve`, { choose: "c-9" })).status).toBe(200);
  expect((await hub.ask("GET", `${HOSTS}/host-0000beef`)).body).toMatchObject({ name: "again" });
});
