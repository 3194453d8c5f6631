import type { EnrolRequest } from "@holdfast/protocol/enrolment";
import { Host } from "@holdfast/protocol/kinds/host";
import { type Clock, hashSecret, minutes, systemClock } from "@holdfast/runtime";
import { expect, test } from "vitest";
import { siteTables } from "../database/tables.ts";
import { Credentials } from "../hosts/credentials.ts";
import { observe } from "../hosts/observe.ts";
import { RUNNING } from "../hosts/statuses.ts";
import { addLentIds, idsLeft } from "../outbox/id-pool.ts";
import { seal } from "../outbox/seal.ts";
import { hostRow, OF, row, SITE, SITE_SCOPE, siteRow, TENANT, TENANT_SCOPE, TestSite } from "../testing/test-site.ts";
import { type AdmitOptions, admit } from "./admit.ts";

const TOKEN = "hfe_a-token-that-is-long-enough";
const NOT_AFTER = 10_000_000;
const MACHINE = "0123456789abcdef0123456789abcdef";
const UUID = "4c4c4544-0042-4a10-8054-b4c04f564433";

function token(id: string, secret: string, more: Record<string, unknown> = {}) {
  const body = { tenant: TENANT, tokenHash: hashSecret(secret), notAfter: NOT_AFTER, ...more };
  return { is: "row" as const, kind: "enrolment", id, seq: 3, body: JSON.stringify(body) };
}

function request(more: Partial<EnrolRequest> = {}): EnrolRequest {
  return {
    token: TOKEN,
    machine: MACHINE,
    agent: "0.1.0",
    protocol: 1,
    capabilities: [],
    serialNumber: "SN-0042",
    uuid: UUID,
    hostname: "till",
    ...more,
  };
}

async function prepared(ids = 2) {
  const site = await TestSite.open();
  await site.feed(TENANT_SCOPE, 1, [siteRow()]);
  await site.feed(SITE_SCOPE, 3, [token("e-1", TOKEN)]);
  await site.write((transaction) => addLentIds(transaction, { first: 0x80, count: ids }));
  let now = 1_000;
  const clock: Clock = { ...systemClock, now: () => now };
  const options: AdmitOptions = {
    ...{ store: site.store, outbox: site.outbox, intents: site.intents, clock },
    credentials: await Credentials.load(site.store),
    replicaOf: async () => OF,
  };
  return {
    site,
    options,
    at: (time: number) => (now = time),
    [Symbol.asyncDispose]: () => site[Symbol.asyncDispose](),
  };
}

const outbox = async (site: TestSite) => {
  const rows = await site.store.read((view) =>
    siteTables(view).selectFrom("outbox").select("body").orderBy("number").execute(),
  );
  return rows.flatMap(({ body }) => (body === null ? [] : [JSON.parse(body)]));
};

test("a machine that nobody registered becomes a host at once, with the hub away, and the hub will hear of it", async () => {
  await using it = await prepared();
  const admitted = await admit(it.options, request());
  expect(admitted).toMatchObject({ admitted: true, hostId: "host-00000080" });
  expect(await it.site.get(Host, "host-00000080")).toMatchObject({
    owner: SITE,
    creation: MACHINE,
    fields: { name: "till", serialNumber: "SN-0042", uuid: UUID, siteId: SITE, desiredState: "HOST_STATE_ONBOARDED" },
  });
  const types = (await outbox(it.site)).map(({ type }) => type);
  expect(types).toEqual(["event", "create", "enrolment-used", "credential", "event"]);
  if (admitted.admitted) expect(it.options.credentials.admits(admitted.hostId, admitted.secret)).toBe(true);
});

test("the hub hears that a machine was admitted as the host that it is told of, and by what it is known (rule 5)", async () => {
  await using it = await prepared();
  const admitted = await admit(it.options, request());
  if (!admitted.admitted) throw new Error("not admitted");
  expect(await outbox(it.site)).toContainEqual(expect.objectContaining({ type: "create", bound: true }));
  expect(await outbox(it.site)).toContainEqual({
    ...{ type: "credential", hostId: admitted.hostId, machine: MACHINE, at: 1_000 },
    hash: hashSecret(admitted.secret),
  });
});

test("a host that an operator registered here is bound by its machine, while the hub has not been told of it (rule 5)", async () => {
  await using it = await prepared(3);
  const make = (id: string, serialNumber: string) =>
    it.site.write((tx) => {
      const fields = { name: id, siteId: SITE, serialNumber };
      return it.site.intents.create(tx, OF, Host, { id, creation: id, actor: "operator:alice", fields });
    });
  await make("host-00000090", "SN-0042");
  await make("host-00000091", "SN-0043");
  expect(await admit(it.options, request())).toMatchObject({ hostId: "host-00000090" });
  const created = (await outbox(it.site)).filter(({ type }) => type === "create");
  expect(created.map(({ id, bound }) => [id, bound])).toEqual([
    ["host-00000090", true],
    ["host-00000091", undefined],
  ]);
});

test("what is sealed does not change when a machine comes (rule 1)", async () => {
  await using it = await prepared();
  await it.site.write((tx) => {
    const fields = { name: "till", siteId: SITE, serialNumber: "SN-0042" };
    return it.site.intents.create(tx, OF, Host, {
      id: "host-00000090",
      creation: "c",
      actor: "operator:alice",
      fields,
    });
  });
  const sealed = () => it.site.write((tx) => seal(tx, { site: SITE, tenant: TENANT, now: 1 }));
  const before = await sealed();
  const bodies = await outbox(it.site);
  expect(await admit(it.options, request())).toMatchObject({ hostId: "host-00000090" });
  expect(await sealed()).toMatchObject(before ?? { first: 0 });
  expect((await outbox(it.site)).slice(0, bodies.length)).toEqual(bodies);
});

test("asked again by the same machine, the token gives another secret for the same host, and the first opens nothing", async () => {
  await using it = await prepared();
  const [first, second] = [await admit(it.options, request()), await admit(it.options, request())];
  if (!first.admitted || !second.admitted) throw new Error("not admitted");
  expect(second.hostId).toBe(first.hostId);
  expect(second.secret).not.toBe(first.secret);
  expect(it.options.credentials.admits(first.hostId, first.secret)).toBe(false);
  expect(it.options.credentials.admits(first.hostId, second.secret)).toBe(true);
  expect((await outbox(it.site)).filter(({ type }) => type === "create")).toHaveLength(1);
});

test("a token that was used admits no other machine, and none at all once the answer cannot be on its way any more", async () => {
  await using it = await prepared();
  await admit(it.options, request());
  const other = await admit(it.options, request({ machine: "f".repeat(32), uuid: UUID.replace("4c", "5c") }));
  expect(other).toMatchObject({ admitted: false, code: "Unauthenticated", reason: expect.stringContaining("used") });
  it.at(1_000 + minutes(11));
  expect(await admit(it.options, request())).toMatchObject({ admitted: false, code: "Unauthenticated" });
});

test.each<[string, Partial<EnrolRequest>, number]>([
  ["is not known", { token: "hfe_another-token-of-some-length" }, 1_000],
  ["has expired", {}, NOT_AFTER + 1],
  ["is a pattern, not a token", { token: "%%%%%%%%%%%%%%%%%%%%" }, 1_000],
])("a token that %s admits nobody and changes nothing", async (_what, more, now) => {
  await using it = await prepared();
  it.at(now);
  const before = await outbox(it.site);
  expect(await admit(it.options, request(more))).toMatchObject({ admitted: false, code: "Unauthenticated" });
  expect(await outbox(it.site)).toEqual(before);
  expect(it.options.credentials.hosts()).toEqual([]);
});

test("with no lent id left an unknown machine is turned away, its token is not spent, and the hub is asked for ids", async () => {
  await using it = await prepared(0);
  expect(await admit(it.options, request())).toMatchObject({ admitted: false, code: "Unavailable" });
  expect((await outbox(it.site)).at(-1)).toMatchObject({ event: "ids-exhausted" });
  await it.site.write((transaction) => addLentIds(transaction, { first: 7, count: 1 }));
  expect(await admit(it.options, request())).toMatchObject({ admitted: true, hostId: "host-00000007" });
});

test("a machine that is registered needs no lent id", async () => {
  await using it = await prepared(0);
  await it.site.feed(SITE_SCOPE, 4, [hostRow("host-00000001", 4, { serialNumber: "SN-0042" })]);
  expect(await admit(it.options, request())).toMatchObject({ admitted: true, hostId: "host-00000001" });
});

test("a lent id is given out once, also across a restart, and an admission that fails takes none", async () => {
  await using it = await prepared(2);
  await it.site.feed(SITE_SCOPE, 4, [token("e-2", `${TOKEN}-2`)]);
  await admit(it.options, request());
  await it.site.reopen();
  const credentials = await Credentials.load(it.site.store);
  const options = {
    ...it.options,
    store: it.site.store,
    outbox: it.site.outbox,
    intents: it.site.intents,
    credentials,
  };
  const second = request({
    token: `${TOKEN}-2`,
    machine: "e".repeat(32),
    uuid: UUID.replace("4c", "5c"),
    serialNumber: "SN-2",
  });
  expect(await admit(options, second)).toMatchObject({ hostId: "host-00000081" });
  expect(await it.site.store.read(idsLeft)).toBe(0);
});

test("a registered machine without a site is claimed for this one", async () => {
  await using it = await prepared();
  await it.site.feed(TENANT_SCOPE, 4, [row("host", "host-00000002", 4, { name: "free", serialNumber: "SN-0042" })]);
  expect(await admit(it.options, request())).toMatchObject({ admitted: true, hostId: "host-00000002" });
  expect(await it.site.get(Host, "host-00000002")).toMatchObject({ owner: SITE, fields: { siteId: SITE } });
  expect(await outbox(it.site)).toContainEqual(
    expect.objectContaining({ type: "edit", field: "siteId", value: SITE, base: "" }),
  );
});

const expulsions = (site: TestSite) =>
  site.store.read((view) => siteTables(view).selectFrom("expulsion").select("host").execute());

test("a machine that becomes another host is the old one no more, and the old one is not green", async () => {
  await using it = await prepared();
  const first = await admit(it.options, request());
  if (!first.admitted) throw new Error("not admitted");
  const running = { statuses: { hostStatus: RUNNING } };
  const context = { outbox: it.site.outbox, of: OF, now: 1 };
  await it.site.write((transaction) => observe(transaction, context, { id: first.hostId, seen: running }));
  const other = "host-00000003";
  await it.site.feed(SITE_SCOPE, 5, [hostRow(other, 5), token("e-2", `${TOKEN}-2`, { hostId: other })]);

  const second = await admit(it.options, request({ token: `${TOKEN}-2` }));
  expect(second).toMatchObject({ admitted: true, hostId: other, putOut: [first.hostId] });
  expect(it.options.credentials.admits(first.hostId, first.secret)).toBe(false);
  const words = (await outbox(it.site)).filter(({ type }) => type === "credential");
  expect(words.find(({ hostId }) => hostId === first.hostId)).toMatchObject({ hash: null, machine: MACHINE });
  expect(await expulsions(it.site)).toEqual([{ host: first.hostId }]);
  expect((await it.site.get(Host, first.hostId))?.fields).toMatchObject({ hostStatus: "Not Connected" });
});

test("a machine that takes another's place has the other put out", async () => {
  await using it = await prepared();
  const first = await admit(it.options, request());
  if (!first.admitted) throw new Error("not admitted");
  await it.site.feed(SITE_SCOPE, 5, [token("e-2", `${TOKEN}-2`, { hostId: first.hostId })]);
  const spare = request({ token: `${TOKEN}-2`, machine: "e".repeat(32) });
  const second = await admit(it.options, spare);
  expect(second).toMatchObject({ admitted: true, hostId: first.hostId, putOut: [first.hostId] });
  expect(await expulsions(it.site)).toEqual([{ host: first.hostId }]);
  if (second.admitted) expect(it.options.credentials.admits(second.hostId, second.secret)).toBe(true);
  expect(it.options.credentials.admits(first.hostId, first.secret)).toBe(false);
});

test("before the hub was ever heard nobody is admitted, and the reason is said", async () => {
  await using it = await prepared();
  const options = { ...it.options, replicaOf: async () => undefined };
  expect(await admit(options, request())).toMatchObject({ admitted: false, code: "Unavailable" });
});

test("before both scopes are whole nobody is admitted: a machine registered in the other would be made twice", async () => {
  await using site = await TestSite.open();
  await site.feed(SITE_SCOPE, 3, [token("e-1", TOKEN)]);
  await site.write((transaction) => addLentIds(transaction, { first: 1, count: 1 }));
  const options: AdmitOptions = {
    ...{ store: site.store, outbox: site.outbox, intents: site.intents, replicaOf: async () => OF },
    clock: { ...systemClock, now: () => 1_000 },
    credentials: await Credentials.load(site.store),
  };
  expect(await admit(options, request())).toMatchObject({ admitted: false, code: "Unavailable" });
  await site.feed(TENANT_SCOPE, 4, [siteRow(), row("host", "host-00000002", 4, { name: "free", uuid: UUID })]);
  expect(await admit(options, request())).toMatchObject({ admitted: true, hostId: "host-00000002" });
});

test("a hash that stands elsewhere in an enrolment opens nothing", async () => {
  await using it = await prepared();
  const other = "hfe_a-token-that-nobody-gave-out";
  await it.site.feed(SITE_SCOPE, 4, [token("e-2", `${TOKEN}-2`, { note: hashSecret(other) })]);
  expect(await admit(it.options, request({ token: other }))).toMatchObject({ code: "Unauthenticated" });
});
