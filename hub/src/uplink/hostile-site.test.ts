import { expect, test } from "vitest";
import { CONFLICTS, edit, HOSTS, stampOf, startWithHost } from "../conflicts/under-test.ts";
import { Sender } from "../hub-harness.ts";

/** A site whose word is not to be trusted. What it sends is answered, and operators go on seeing what there is. */
const NO_TOKEN = "token-00000000000000ff";
const BEYOND = [Number.MAX_SAFE_INTEGER, 8_640_000_000_000_001, -1] as const;

async function hostile() {
  const started = await startWithHost();
  const { hub, sender, id } = started;
  const sees = async (path: string) => {
    const answer = await hub.ask("GET", path);
    expect([path, answer.status]).toEqual([path, 200]);
    return answer.body;
  };
  return {
    ...started,
    results: async (...entries: object[]) => {
      const { status, body } = await sender.send(entries);
      expect(status).toBe(200);
      const told = new Map(body.outcomes.map(({ seq, result }: { seq: number; result: string }) => [seq, result]));
      const first = body.cursor - entries.length + 1;
      return entries.map((_, at) => told.get(first + at) ?? "applied");
    },
    conflicts: async () => (await sees(CONFLICTS)).conflicts,
    commands: async () => (await sees(`${HOSTS}/${id}/commands`)).commands,
    [Symbol.asyncDispose]: () => hub[Symbol.asyncDispose](),
  };
}

const given = (id: string, hostId: string, times: object = {}) => {
  const said = { command: "reset", actor: "operator:bob", issuedAt: 1, notAfter: 2, ...times };
  return { type: "command", id, hostId, status: "done", at: 1, given: said };
};

test.each(BEYOND)("no time that a site names, %d either, keeps operators from seeing what there is", async (at) => {
  await using it = await hostile();
  const first = await stampOf(it.hub, it.site, it.id);
  await it.hub.ask("PATCH", `${HOSTS}/${it.id}`, { name: "of the hub" });
  const results = await it.results(
    edit("e-1", it.id, first, { at }),
    given("command-00000000000000a1", it.id, { issuedAt: at }),
    given("command-00000000000000a2", it.id, { notAfter: at }),
    { ...given("command-00000000000000a3", it.id), at },
    { type: "event", id: "x", kind: "host", subject: it.id, event: "e", at },
  );
  expect(results).toEqual(Array(5).fill("quarantined"));
  expect([await it.conflicts(), await it.commands()]).toEqual([[], []]);
});

test("what nobody may want is no conflict either, whoever is said to have wanted it (rule 6)", async () => {
  await using it = await hostile();
  const by = { token: NO_TOKEN };
  const [lent] = [(await it.sender.send([], { wantIds: 1 })).body.ids.first.toString(16)];
  const made = { type: "create", kind: "host", creation: "c", actor: "operator:bob", at: 1, ...by, fields: {} };
  const results = await it.results(
    edit("e-1", it.id, "", { ...by, value: 12 }),
    edit("e-2", it.id, "", { ...by, field: "nonsense" }),
    edit("e-3", it.id, "", { ...by, field: "hostStatus", value: "Running" }),
    edit("e-4", "region-00000001", "", { ...by, kind: "region" }),
    edit("e-5", "nonsense", "", by),
    { ...made, intent: "m-1", id: `evil-${lent}`, fields: { name: "x" } },
    { ...made, intent: "m-2", id: `host-${lent}`, fields: { name: 12 } },
    { ...made, intent: "m-3", id: `region-${lent}`, kind: "region", fields: { name: "x" } },
  );
  expect(results).toEqual(Array(8).fill("quarantined"));
  expect(await it.conflicts()).toEqual([]);
});

test("what somebody wanted who may not is history, with what stood then (rules 6, 7)", async () => {
  await using it = await hostile();
  expect(await it.results(edit("e-1", it.id, "", { token: NO_TOKEN }))).toEqual(["conflict"]);
  const changes = await it.hub.hub.store.read((view) => view.changes(it.site.tenant, 0, 1_000));
  const told = { operation: "conflict", before: { name: "first" }, after: { name: "by e-1" } };
  expect(changes.find(({ write }) => write === "e-1")).toMatchObject({ id: it.id, kind: "host", ...told });
});

test("a creation that could be chosen at no time is no conflict: of another site's host, or without a name", async () => {
  await using it = await hostile();
  const other = await it.hub.site();
  const lent = (await it.sender.send([], { wantIds: 1 })).body.ids.first.toString(16);
  const made = { type: "create", kind: "host", id: `host-${lent}`, creation: "c", actor: "operator:bob", at: 1 };
  const results = await it.results(
    { ...made, intent: "m-1", fields: { name: "x", siteId: other.id } },
    { ...made, intent: "m-2", fields: {} },
  );
  expect(results).toEqual(Array(2).fill("quarantined"));
  expect(await it.conflicts()).toEqual([]);
});

test("names that nobody could choose by later are not taken", async () => {
  await using it = await hostile();
  const long = "x".repeat(65);
  const results = await it.results(
    edit(long, it.id, ""),
    edit("e-1", it.id, long),
    edit("e-2", it.id, "", { actor: "x".repeat(1_025) }),
    { type: "create", intent: "m", kind: "host", id: it.id, creation: long, actor: "a", at: 1, fields: {} },
  );
  expect(results).toEqual(Array(4).fill("quarantined"));
});

test("what a site says to have been asked of another site's machine is not shown there, and is kept as history", async () => {
  await using it = await hostile();
  const other = await it.hub.site();
  const { body } = await it.hub.ask("POST", HOSTS, { name: "other", siteId: other.id });
  const { outcomes } = (await it.sender.send([given("command-00000000000000a1", body.resourceId)])).body;
  expect(outcomes).toMatchObject([{ result: "applied", reason: expect.stringContaining("does not manage") }]);
  const { commands } = (await it.hub.ask("GET", `${HOSTS}/${body.resourceId}/commands`)).body;
  expect(commands).toEqual([]);
  // Its own, and one that it has just made and not told of yet, are.
  await it.sender.send([given("command-00000000000000a2", it.id)]);
  expect(await it.commands()).toHaveLength(1);
});

test("what a site adds to the name of its stream is no column of anything, its own or another site's", async () => {
  await using it = await hostile();
  const other = new Sender(it.hub, await it.hub.site());
  await other.send([]);
  const quarantine = `/v1/projects/default/sites/${other.site.id}/quarantine`;
  const before = (await it.hub.ask("GET", quarantine)).body;
  for (const more of [{ "no such column": 1 }, { site: other.site.id, cursor: 99, last_hash: "x" }]) {
    const { epoch, incarnation } = it.sender;
    const stream = { epoch, incarnation, ...more };
    const sent = await it.sender.send([{ type: "nonsense" }], { stream, wantIds: 1 });
    expect(sent).toMatchObject({ status: 200, body: { stream: { epoch, incarnation }, ids: { count: 1 } } });
  }
  expect((await it.hub.ask("GET", quarantine)).body).toEqual(before);
  expect(await other.send([{ type: "nonsense" }])).toMatchObject({ status: 200, body: { cursor: 1 } });
});
