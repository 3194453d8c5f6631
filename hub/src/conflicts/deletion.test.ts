import { idFromNumber, type UplinkReply } from "@holdfast/protocol";
import { expect, test } from "vitest";
import { CONFLICTS, conflictsAt, feedRows, rowsOf, startWithHost } from "./under-test.ts";

const SCHEDULES = "/v1/projects/default/schedules/single";
const FIELDS = { name: "tonight", scheduleStatus: "SCHEDULE_STATUS_MAINTENANCE", startSeconds: 4_000_000_000 };
const AUTHOR = { kind: "single_schedule", actor: "operator:bob", at: 1_000 };

/** A hub with a host at a site, and maintenance of that. */
async function startWithSchedule() {
  const started = await startWithHost();
  const { hub, site } = started;
  const { resourceId } = (await hub.ask("POST", SCHEDULES, { ...FIELDS, targetHostId: started.id })).body;
  const row = (await feedRows(hub, site)).find(({ id }) => id === resourceId);
  const stamps = JSON.parse(row?.body ?? "{}").stamps as Record<string, { readonly id: string }>;
  const saw = Object.fromEntries(Object.entries(stamps).map(([field, { id }]) => [field, id]));
  return {
    ...started,
    path: `${SCHEDULES}/${resourceId}`,
    deletion: { type: "delete", id: resourceId, saw, ...AUTHOR },
  };
}

/** The same, deleted at the site and renamed at the hub, which the site did not know. */
async function startWithConflict() {
  const started = await startWithSchedule();
  const { hub, sender, path, deletion } = started;
  expect((await hub.ask("PATCH", path, { name: "tomorrow" })).status).toBe(200);
  const [outcome] = (await sender.send([{ ...deletion, intent: "i-1" }])).body.outcomes;
  return { ...started, outcome, resolve: `${CONFLICTS}/${outcome.conflict}/resolve` };
}

test("what a site deleted is deleted, once, and the audit log says by whom and what it was", async () => {
  const { hub: opened, site, sender, path, deletion } = await startWithSchedule();
  await using hub = opened;
  const sent = { ...deletion, intent: "i-1", from: { address: "10.0.0.9", request: "r-1" } };
  const [outcome] = (await sender.send([sent])).body.outcomes;
  expect(outcome).toMatchObject({ intent: "i-1", result: "applied", at: { scope: `site:${site.id}` } });
  expect((await hub.ask("GET", path)).status).toBe(404);
  expect((await feedRows(hub, site)).find(({ id }) => id === deletion.id)).toMatchObject({
    ...{ body: null, seq: outcome.at.seq },
  });
  // Again in another stream, and once more by somebody who does not know of it.
  const [again, other] = (await sender.send([sent, { ...deletion, intent: "i-2" }])).body.outcomes;
  expect([again, other]).toMatchObject([
    { result: "applied", at: outcome.at },
    { result: "applied", reason: `single_schedule ${deletion.id} is gone` },
  ]);
  const { entries } = (await hub.ask("GET", `/v1/projects/default/audit?resourceId=${deletion.id}`)).body;
  const [deleted, ...before] = entries.toSorted((a: { seq: number }, b: { seq: number }) => b.seq - a.seq);
  expect(before).toHaveLength(1);
  expect(deleted).toMatchObject({
    ...{ operation: "delete", actor: `site:${site.id}/operator:bob`, before: { name: "tonight" }, after: null },
    ...{ address: "10.0.0.9", requestId: "r-1" },
  });
});

test("of what somebody has changed meanwhile a deletion is a conflict between what stands and nothing", async () => {
  const { hub: opened, site, path, deletion, outcome } = await startWithConflict();
  await using hub = opened;
  expect(outcome).toMatchObject({ result: "conflict", reason: "somebody else has written name" });
  expect((await conflictsAt(hub, site)).get(outcome.conflict)).toMatchObject({
    ...{ kind: "single_schedule", resourceId: deletion.id, field: null },
    values: [
      { value: { name: "tomorrow" }, by: "hub", standing: true },
      { write: "i-1", value: null, by: site.id, actor: "operator:bob", standing: false },
    ],
  });
  expect((await hub.ask("GET", path)).body).toMatchObject({ name: "tomorrow" });
});

test("whoever chooses the deletion deletes, and is named for it", async () => {
  const { hub: opened, site, path, deletion, resolve } = await startWithConflict();
  await using hub = opened;
  expect((await hub.ask("POST", resolve, { choose: "i-1" })).status).toBe(200);
  expect((await hub.ask("GET", path)).status).toBe(404);
  expect(await conflictsAt(hub, site)).toEqual(new Map());
  const { entries } = (await hub.ask("GET", `/v1/projects/default/audit?resourceId=${deletion.id}`)).body;
  expect(entries).toContainEqual(expect.objectContaining({ operation: "delete", actor: "operator:first" }));
});

test("whoever chooses what stands keeps it", async () => {
  const { hub: opened, site, path, resolve } = await startWithConflict();
  await using hub = opened;
  const [conflict] = [...(await conflictsAt(hub, site)).values()];
  const standing = conflict?.values.find((value) => value.standing);
  expect((await hub.ask("POST", resolve, { choose: standing?.write })).status).toBe(200);
  expect((await hub.ask("GET", path)).body).toMatchObject({ name: "tomorrow" });
  expect(await conflictsAt(hub, site)).toEqual(new Map());
});

test("when it is gone after all there is nothing to choose any more", async () => {
  const { hub: opened, site, path } = await startWithConflict();
  await using hub = opened;
  expect((await hub.ask("DELETE", path)).status).toBe(200);
  expect(await conflictsAt(hub, site)).toEqual(new Map());
  expect(await rowsOf(hub, "open_conflict")).toEqual([]);
});

test("a site deletes nothing of another's, and no machine so", async () => {
  const { hub: opened, site, sender, id, path, deletion } = await startWithSchedule();
  await using hub = opened;
  const { resourceId: region } = (await hub.ask("POST", "/v1/projects/default/regions", { name: "r" })).body;
  expect((await hub.ask("PATCH", path, { targetHostId: null, targetRegionId: region })).status).toBe(200);
  const machine = { ...deletion, id, kind: "host", intent: "i-2" };
  const { outcomes } = (await sender.send([{ ...deletion, intent: "i-1" }, machine])).body;
  expect(outcomes).toMatchObject([
    { result: "conflict", reason: "the site does not manage it" },
    { result: "quarantined", reason: "a host is not deleted at sites" },
  ]);
  expect((await hub.ask("GET", path)).status).toBe(200);
  expect([...(await conflictsAt(hub, site)).values()]).toMatchObject([{ resourceId: deletion.id }]);
});

test("an operator who may not write any more deletes nothing at a site (rule 6)", async () => {
  const { hub: opened, sender, path, deletion } = await startWithSchedule();
  await using hub = opened;
  const { id: token } = await hub.hub.tokens.createOperator({ name: "bob", role: "read", tenants: "all" });
  const [outcome] = (await sender.send([{ ...deletion, intent: "i-1", token }])).body.outcomes;
  expect(outcome).toMatchObject({ result: "conflict", reason: "the operator's token may read, not write" });
  expect((await hub.ask("GET", path)).status).toBe(200);
});

test("what a site made, the hub did not make, and the site deleted again is no conflict any more", async () => {
  const { hub: opened, site, sender, id: host } = await startWithHost();
  await using hub = opened;
  const { ids } = (await sender.send([], { wantIds: 1 })).body as UplinkReply;
  const id = idFromNumber("singlesche", ids?.first ?? 0);
  const { id: token } = await hub.hub.tokens.createOperator({ name: "bob", role: "read", tenants: "all" });
  const fields = { ...FIELDS, targetHostId: host };
  const create = { type: "create", intent: "i-1", id, creation: "c-1", ...AUTHOR, token, fields };
  const [refused] = (await sender.send([create])).body.outcomes;
  expect(refused).toMatchObject({ result: "conflict" });
  expect((await conflictsAt(hub, site)).size).toBe(1);
  const deletion = { type: "delete", intent: "i-2", id, saw: { name: "i-1" }, ...AUTHOR };
  const [outcome] = (await sender.send([deletion])).body.outcomes;
  expect(outcome).toMatchObject({ result: "applied" });
  expect(await conflictsAt(hub, site)).toEqual(new Map());
});
