import { idFromNumber, type UplinkReply } from "@holdfast/protocol";
import { expect, test } from "vitest";
import { CONFLICTS, conflictsAt, feedRows, HOSTS, startWithHost } from "./under-test.ts";

/** A host that was made at a site by an operator whom the hub would not have let. */
async function startWithConflict() {
  const started = await startWithHost();
  const { hub, sender } = started;
  const { ids } = (await sender.send([], { wantIds: 1 })).body as UplinkReply;
  const made = idFromNumber("host", ids?.first ?? 0);
  const { id: token } = await hub.hub.tokens.createOperator({ name: "bob", role: "read", tenants: "all" });
  const fields = { name: "mine", serialNumber: "SN00001" };
  const author = { actor: "operator:bob", token, at: 1_000 };
  const create = { type: "create", intent: "i-1", kind: "host", id: made, creation: "c-1", ...author, fields };
  const [outcome] = (await sender.send([create])).body.outcomes;
  return { ...started, create, made, outcome, conflict: outcome.conflict as string };
}

test("a host that the hub does not make is a conflict between its fields and nothing", async () => {
  const { hub: opened, site, made, outcome, conflict } = await startWithConflict();
  await using hub = opened;
  expect(outcome).toMatchObject({ intent: "i-1", result: "conflict" });
  expect((await conflictsAt(hub, site)).get(conflict)).toMatchObject({
    ...{ kind: "host", resourceId: made, field: null },
    values: [
      { write: "nothing", value: null, by: "hub", standing: true },
      { write: "i-1", value: { name: "mine", serialNumber: "SN00001" }, by: site.id, standing: false },
    ],
  });
});

test("choosing the hub's side tells the site that there is no such host, now and when it is made again", async () => {
  const { hub: opened, site, sender, create, made, conflict } = await startWithConflict();
  await using hub = opened;
  expect((await hub.ask("POST", `${CONFLICTS}/${conflict}/resolve`, { choose: "nothing" })).status).toBe(200);
  expect(await conflictsAt(hub, site)).toEqual(new Map());
  const rows = await feedRows(hub, site);
  expect(rows.find(({ kind, id }) => kind === "host" && id === made)).toMatchObject({ body: null });
  const { token: _, ...again } = { ...create, intent: "i-2" };
  expect((await sender.send([again])).body.outcomes).toMatchObject([{ intent: "i-2", result: "conflict" }]);
  expect((await hub.ask("GET", `${HOSTS}/${made}`)).status).toBe(404);
});

test("choosing the site's side makes the host under the id that it has there", async () => {
  const { hub: opened, site, made, conflict } = await startWithConflict();
  await using hub = opened;
  expect((await hub.ask("POST", `${CONFLICTS}/${conflict}/resolve`, { choose: "i-1" })).status).toBe(200);
  const shown = { name: "mine", serialNumber: "SN00001", site: { resourceId: site.id } };
  expect((await hub.ask("GET", `${HOSTS}/${made}`)).body).toMatchObject(shown);
  const row = (await feedRows(hub, site)).find(({ kind, id }) => kind === "host" && id === made);
  expect(JSON.parse(row?.body ?? "")).toMatchObject({ creation: "c-1", owner: site.id });
  expect(await conflictsAt(hub, site)).toEqual(new Map());
});

test("choosing the site's side is refused, with the reason, while the host cannot be made", async () => {
  const { hub: opened, site, made, conflict } = await startWithConflict();
  await using hub = opened;
  const theirs = await hub.ask("POST", `${HOSTS}/register`, { name: "theirs", serialNumber: "SN00001" });
  expect(theirs.status).toBe(200);
  const refused = await hub.ask("POST", `${CONFLICTS}/${conflict}/resolve`, { choose: "i-1" });
  expect([refused.status, refused.body.message]).toEqual([400, expect.stringContaining("serialNumber")]);
  expect([...(await conflictsAt(hub, site)).keys()]).toEqual([conflict]);
  expect((await hub.ask("GET", `${HOSTS}/${made}`)).status).toBe(404);
});

test("an instance that a site made on a host that was deleted by force meanwhile is a conflict, not set aside (rules 14, 15)", async () => {
  const { hub: opened, site, sender, id: host } = await startWithHost();
  await using hub = opened;
  const { ids } = (await sender.send([], { wantIds: 1 })).body as UplinkReply;
  const made = idFromNumber("inst", ids?.first ?? 0);
  const profile = { name: "Debian 12", profileName: "debian-12", sha256: "a".repeat(64) };
  const { resourceId: osID } = (await hub.ask("POST", "/v1/projects/default/compute/os", profile)).body;
  expect((await hub.ask("DELETE", `${HOSTS}/${host}/force`)).status).toBe(200);
  const fields = { name: "web", hostID: host, osID };
  const create = {
    type: "create",
    intent: "i-1",
    kind: "instance",
    id: made,
    creation: "c-1",
    actor: "operator:bob",
    at: 1,
    fields,
  };
  const [outcome] = (await sender.send([create])).body.outcomes;
  expect(outcome).toMatchObject({ intent: "i-1", result: "conflict" });
  expect((await conflictsAt(hub, site)).get(outcome.conflict)).toMatchObject({ resourceId: made, field: null });
  expect((await hub.ask("POST", `${CONFLICTS}/${outcome.conflict}/resolve`, { choose: "i-1" })).status).toBe(400);
  expect((await hub.ask("POST", `${CONFLICTS}/${outcome.conflict}/resolve`, { choose: "nothing" })).status).toBe(200);
});
