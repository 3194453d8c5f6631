import { expect, test } from "vitest";
import { Sender, type TestHub } from "../hub-harness.ts";
import { VALUES_KEPT } from "./record.ts";
import { CONFLICTS, conflictsAt, edit, feedRows, HOSTS, rowsOf, stampOf, startWithHost } from "./under-test.ts";

const open = async (hub: TestHub) => (await hub.ask("GET", CONFLICTS)).body.conflicts;
const nameOf = async (hub: TestHub, id: string) => (await hub.ask("GET", `${HOSTS}/${id}`)).body.name;
const resolve = (hub: TestHub, id: string, body: object) => hub.ask("POST", `${CONFLICTS}/${id}/resolve`, body);

/** A host whose name two sides wanted otherwise: the hub's operator `second`, the site's `by e-1`. */
async function startWithConflict() {
  const started = await startWithHost();
  const { hub, site, sender, id } = started;
  const base = await stampOf(hub, site, id);
  await hub.ask("PATCH", `${HOSTS}/${id}`, { name: "second" });
  const [outcome] = (await sender.send([edit("e-1", id, base)])).body.outcomes;
  return { ...started, base, outcome, conflict: outcome.conflict as string };
}

test("a conflict has all values with who wanted them, where and when, and says which one stands (rule 3)", async () => {
  const { hub: opened, site, id, outcome, conflict } = await startWithConflict();
  await using hub = opened;
  expect(outcome).toMatchObject({ intent: "e-1", result: "conflict", conflict: expect.stringMatching(/^conflict-/) });
  const standing = await stampOf(hub, site, id);
  const about = { kind: "host", resourceId: id, field: "name" };
  const hubs = { write: standing, value: "second", by: "hub", actor: "operator:first", standing: true };
  const sites = { write: "e-1", value: "by e-1", by: site.id, actor: "operator:bob", at: 1_000, standing: false };
  const shown = (await conflictsAt(hub, site)).get(conflict);
  expect(shown).toMatchObject({
    ...about,
    tenant: site.tenant,
    values: [hubs, { ...sites, reason: expect.any(String) }],
  });
  expect(shown?.values[0]?.at).toBeGreaterThan(1_000_000_000_000);
  const got = await hub.ask("GET", `${CONFLICTS}/${conflict}`);
  expect(got.body).toMatchObject({ id: conflict, ...about, values: [{ write: standing }, { write: "e-1" }] });
  expect(await nameOf(hub, id)).toBe("second");
});

test("there is one open conflict per resource and field, however many values come (rule 3)", async () => {
  const { hub: opened, site, sender, id, base, conflict } = await startWithConflict();
  await using hub = opened;
  const { outcomes } = (await sender.send([edit("e-2", id, base), edit("e-3", id, base, { field: "note" })])).body;
  expect(outcomes[0].conflict).toBe(conflict);
  expect(outcomes[1].conflict).not.toBe(conflict);
  expect((await conflictsAt(hub, site)).get(conflict)?.values.map(({ write }) => write)).toEqual([
    await stampOf(hub, site, id),
    "e-1",
    "e-2",
  ]);
  expect((await hub.ask("GET", `${CONFLICTS}?resourceId=${id}`)).body.totalElements).toBe(2);
  expect((await hub.ask("GET", `${CONFLICTS}?resourceId=host-00000000`)).body.totalElements).toBe(0);
});

test("a plain write of the field at the hub is one more value, for it chooses nothing", async () => {
  const { hub: opened, site, id, conflict } = await startWithConflict();
  await using hub = opened;
  await hub.ask("PATCH", `${HOSTS}/${id}`, { name: "third" });
  await hub.ask("PATCH", `${HOSTS}/${id}`, { desiredPowerState: "POWER_STATE_OFF" });
  const values = (await conflictsAt(hub, site)).get(conflict)?.values;
  expect(values?.map(({ value, standing }) => [value, standing])).toEqual([
    ["second", false],
    ["by e-1", false],
    ["third", true],
  ]);
});

test.each([
  ["the site's value", "e-1", "by e-1"],
  ["the value that stands", undefined, "second"],
])("choosing %s is a write of its own, and the conflict is over everywhere", async (_, choose, name) => {
  const { hub: opened, site, id, conflict } = await startWithConflict();
  await using hub = opened;
  const stood = await stampOf(hub, site, id);
  expect((await resolve(hub, conflict, { choose: choose ?? stood })).status).toBe(200);
  expect(await nameOf(hub, id)).toBe(name);
  const stands = await stampOf(hub, site, id);
  expect([stood, "e-1"]).not.toContain(stands);
  expect(await open(hub)).toEqual([]);
  expect(await conflictsAt(hub, site)).toEqual(new Map());
  expect((await feedRows(hub, site)).find((row) => row.id === conflict)?.body).toBeNull();
  expect((await resolve(hub, conflict, { choose: "e-1" })).status).toBe(404);
});

test("the history says who chose what, between which values", async () => {
  const { hub: opened, site, conflict } = await startWithConflict();
  await using hub = opened;
  await resolve(hub, conflict, { choose: "e-1" });
  const changes = await hub.hub.store.read((view) => view.changes(site.tenant, 0, 1_000));
  const [choice] = changes.filter(({ kind }) => kind === "conflict");
  expect(choice).toMatchObject({ id: conflict, actor: "operator:first", after: { chosen: "e-1" } });
  expect(choice?.before).toMatchObject({ values: [{ value: "second" }, { value: "by e-1", actor: "operator:bob" }] });
});

test("a choice between values that the operator has not all seen is refused", async () => {
  const { hub: opened, sender, id, base, conflict } = await startWithConflict();
  await using hub = opened;
  await sender.send([edit("e-2", id, base)]);
  const [{ values }] = await open(hub);
  const refused = await resolve(hub, conflict, { choose: "e-1", saw: [values[0].write, "e-1"] });
  expect([refused.status, refused.body.message]).toEqual([409, expect.stringContaining("e-2")]);
  const wrong = await resolve(hub, conflict, { choose: "e-9" });
  expect([wrong.status, wrong.body.message]).toEqual([400, expect.stringContaining("choose")]);
  expect(await open(hub)).toHaveLength(1);
  const seen = values.map(({ write }: { write: string }) => write);
  expect((await resolve(hub, conflict, { choose: "e-1", saw: seen })).status).toBe(200);
});

test("a choice that cannot be written leaves the conflict open", async () => {
  const { hub: opened, sender, site, id } = await startWithHost();
  await using hub = opened;
  const other = await hub.ask("POST", HOSTS, { name: "other", siteId: site.id });
  const at = { field: "siteId", value: "site-00000000" };
  await sender.send([edit("e-1", id, await stampOf(hub, site, id, "siteId"), at)]);
  const [conflict] = await open(hub);
  expect(conflict).toMatchObject({ field: "siteId", resourceId: id });
  const refused = await resolve(hub, conflict.id, { choose: "e-1" });
  expect([refused.status, refused.body.message]).toEqual([400, expect.stringContaining("site")]);
  expect((await open(hub))[0].id).toBe(conflict.id);
  expect(other.status).toBe(200);
});

test("a site's choice ends a conflict of which it saw all values, and no other", async () => {
  const { hub: opened, site, sender, id, base, conflict } = await startWithConflict();
  await using hub = opened;
  await sender.send([edit("e-2", id, base)]);
  const stands = await stampOf(hub, site, id);
  const choice = (intent: string, on: string, saw: string[]) =>
    edit(intent, id, on, { value: "chosen", resolves: { conflict, saw } });
  const [first] = (await sender.send([choice("c-1", stands, [stands, "e-1"])])).body.outcomes;
  expect(first).toMatchObject({ result: "applied", conflict });
  expect((await conflictsAt(hub, site)).get(conflict)?.values.at(-1)).toMatchObject({ write: "c-1", standing: true });
  const [second] = (await sender.send([choice("c-2", "c-1", [stands, "e-1", "e-2", "c-1"])])).body.outcomes;
  expect([second.result, second.conflict]).toEqual(["applied", undefined]);
  expect(await open(hub)).toEqual([]);
  expect([await nameOf(hub, id), await stampOf(hub, site, id)]).toEqual(["chosen", "c-2"]);
  const changes = await hub.hub.store.read((view) => view.changes(site.tenant, 0, 1_000));
  const ended = changes.filter(({ kind }) => kind === "conflict");
  expect(ended, "the history says who ended it, where").toMatchObject([
    { id: conflict, actor: `site:${site.id}/operator:bob`, operation: "delete", after: { chosen: "c-2" } },
  ]);
});

test("a site's choice on a stamp that stands no more is one more value", async () => {
  const { hub: opened, site, sender, id, conflict } = await startWithConflict();
  await using hub = opened;
  const saw = [await stampOf(hub, site, id), "e-1"];
  await hub.ask("PATCH", `${HOSTS}/${id}`, { name: "third" });
  const [outcome] = (
    await sender.send([edit("c-1", id, saw[0] ?? "", { value: "chosen", resolves: { conflict, saw } })])
  ).body.outcomes;
  expect(outcome).toMatchObject({ result: "conflict", conflict });
  expect((await conflictsAt(hub, site)).get(conflict)?.values).toHaveLength(4);
});

test("a conflict goes with its host, and stays shown where a value came from (rule 14)", async () => {
  const { hub: opened, site, sender, id, conflict } = await startWithConflict();
  await using hub = opened;
  const next = await hub.site();
  await hub.ask("PATCH", `${HOSTS}/${id}`, { siteId: next.id });
  expect(await conflictsAt(hub, next)).toEqual(new Map());
  const stamp = await stampOf(hub, site, id, "siteId");
  await sender.send([{ type: "release", kind: "host", id, reason: "moved", stamp }]);
  expect([...(await conflictsAt(hub, next)).keys()]).toEqual([conflict]);
  expect([...(await conflictsAt(hub, site)).keys()]).toEqual([conflict]);
  await resolve(hub, conflict, { choose: "e-1" });
  expect([await conflictsAt(hub, next), await conflictsAt(hub, site)]).toEqual([new Map(), new Map()]);
});

test("a conflict leaves the feed of a site that manages the host no more and wanted nothing", async () => {
  const { hub: opened, site, sender, id } = await startWithHost();
  await using hub = opened;
  const stranger = await hub.site();
  await new Sender(hub, stranger).send([edit("e-1", id, await stampOf(hub, site, id))]);
  expect((await conflictsAt(hub, site)).size).toBe(1);
  await hub.ask("PATCH", `${HOSTS}/${id}`, { siteId: stranger.id });
  const stamp = await stampOf(hub, site, id, "siteId");
  await sender.send([{ type: "release", kind: "host", id, reason: "moved", stamp }]);
  expect([(await conflictsAt(hub, site)).size, (await conflictsAt(hub, stranger)).size]).toEqual([0, 1]);
});

test("what was wanted of a host that is gone is history, and no conflict stays open (rule 15)", async () => {
  const { hub: opened, site, sender, id, base, conflict } = await startWithConflict();
  await using hub = opened;
  await hub.ask("DELETE", `${HOSTS}/${id}`);
  const stamp = await stampOf(hub, site, id, "desiredState");
  await sender.send([{ type: "release", kind: "host", id, reason: "deleted", stamp }]);
  expect([await open(hub), await conflictsAt(hub, site)]).toEqual([[], new Map()]);
  const [late] = (await sender.send([edit("e-2", id, base)])).body.outcomes;
  expect(late).toMatchObject({ result: "conflict", reason: expect.stringContaining("gone") });
  expect(await open(hub)).toEqual([]);
  const events = await rowsOf(hub, "event");
  expect(events.map(({ id: write, event, subject }) => [write, event, subject])).toEqual([
    ["e-1", "conflict-dropped", id],
    ["e-2", "conflict-dropped", id],
  ]);
  expect(JSON.parse(String(events[0]?.detail))).toMatchObject({ conflict, value: "by e-1", actor: "operator:bob" });
});

test("the value that stands can be chosen of a host that is being deleted, no other", async () => {
  const { hub: opened, site, id, conflict } = await startWithConflict();
  await using hub = opened;
  const standing = await stampOf(hub, site, id);
  await hub.ask("DELETE", `${HOSTS}/${id}`);
  const refused = await resolve(hub, conflict, { choose: "e-1" });
  expect([refused.status, refused.body.message]).toEqual([400, expect.stringContaining("being deleted")]);
  expect((await resolve(hub, conflict, { choose: standing })).status).toBe(200);
  expect(await open(hub)).toEqual([]);
});

test("a conflict keeps the newest values, and those of sites before the hub's own", async () => {
  const { hub: opened, site, id, conflict } = await startWithConflict();
  await using hub = opened;
  for (let count = 0; count < VALUES_KEPT + 3; count += 1) {
    await hub.ask("PATCH", `${HOSTS}/${id}`, { name: `again ${count}` });
  }
  const values = (await conflictsAt(hub, site)).get(conflict)?.values ?? [];
  expect(values).toHaveLength(VALUES_KEPT);
  expect(values.map(({ write }) => write)).toContain("e-1");
  expect(values.at(-1)).toMatchObject({ value: `again ${VALUES_KEPT + 2}`, standing: true });
});

test("however much a site wants of a field in conflict, the value that stands is among those that can be chosen (rule 3)", async () => {
  const { hub: opened, site, sender, id, base, conflict } = await startWithConflict();
  await using hub = opened;
  const standing = await stampOf(hub, site, id);
  for (let count = 0; count < VALUES_KEPT + 3; count += 1) await sender.send([edit(`more-${count}`, id, base)]);
  const values = (await conflictsAt(hub, site)).get(conflict)?.values ?? [];
  expect(values).toHaveLength(VALUES_KEPT);
  expect(values.filter((value) => value.standing)).toMatchObject([{ write: standing, value: "second" }]);
  expect(values.at(-1)).toMatchObject({ write: `more-${VALUES_KEPT + 2}` });
});

test("a conflict of another project is not found", async () => {
  const { hub: opened, conflict } = await startWithConflict();
  await using hub = opened;
  await hub.hub.authority.createTenant({ actor: "operator:test", name: "elsewhere" });
  expect((await hub.ask("GET", `/v1/projects/elsewhere/conflicts/${conflict}`)).status).toBe(404);
  const theirs = `/v1/projects/elsewhere/conflicts/${conflict}/resolve`;
  expect((await hub.ask("POST", theirs, { choose: "e-1" })).status).toBe(404);
});
