import { arrivalProof, welcomeProof } from "@holdfast/protocol/enrolment";
import { hashSecret, minutes, silentLog, systemClock } from "@holdfast/runtime";
import { fastify } from "fastify";
import { expect, test } from "vitest";
import { RefusalLimit } from "../api/refusal-limit.ts";
import { siteTables } from "../database/tables.ts";
import { Credentials, storeCredential } from "../hosts/credentials.ts";
import { gone, hostRow, OF, row, SITE, SITE_SCOPE, siteRow, TENANT_SCOPE, TestSite } from "../testing/test-site.ts";
import { Arrivals } from "./arrivals.ts";
import { arrivalRoute } from "./route.ts";

const HOST = "host-00000001";
const OTHER = "site-0000000b";
const SECRET = "hfm_the-secret-of-this-machine";
const NONCE = "0".repeat(32);
const PROOF = arrivalProof(hashSecret(SECRET), { hostId: HOST, siteId: SITE });
const REQUEST = { hostId: HOST, proof: PROOF, nonce: NONCE, machine: "0123456789abcdef", serialNumber: "SN-1" };

async function arriving() {
  const site = await TestSite.open();
  await site.feed(TENANT_SCOPE, 1, [siteRow(), row("site", OTHER, 1, { name: "bergen" })]);
  let passed = 0;
  const clock = { ...systemClock, monotonic: () => passed };
  const credentials = await Credentials.load(site.store);
  const { store, outbox } = site;
  const arrivals = new Arrivals({ store, outbox, credentials, replicaOf: async () => OF, clock });
  const app = fastify();
  const limit = new RefusalLimit(clock);
  arrivalRoute(app, { site: SITE, arrivals, limit, mqttPort: () => 1_883, log: silentLog });
  const knows = async (secret: string) => {
    const credential = { host: HOST, hash: hashSecret(secret), machine: REQUEST.machine, at: 1 };
    await site.write((transaction) => storeCredential(transaction, credential));
    await credentials.refresh();
  };
  const show = async (more: Record<string, unknown> = {}) => {
    const answer = await app.inject({ method: "POST", url: "/v1/arrivals", payload: { ...REQUEST, ...more } });
    return { status: answer.statusCode, body: answer.json() };
  };
  const told = async () => {
    const rows = await store.read((view) =>
      siteTables(view).selectFrom("outbox").select("body").where("key", "like", "arrival/%").execute(),
    );
    return rows.map(({ body }) => JSON.parse(body ?? "null"));
  };
  const sent = () =>
    site.write((transaction) =>
      siteTables(transaction).deleteFrom("outbox").where("key", "like", "arrival/%").execute(),
    );
  return {
    ...{ site, arrivals, knows, show, told, sent },
    pass: (milliseconds: number) => {
      passed += milliseconds;
    },
    [Symbol.asyncDispose]: () => site[Symbol.asyncDispose](),
  };
}

test("a machine whose host is this site's, and whose secret is known, is welcome", async () => {
  await using it = await arriving();
  await it.site.feed(SITE_SCOPE, 2, [hostRow(HOST, 2)]);
  await it.knows(SECRET);
  const proof = welcomeProof(hashSecret(SECRET), { hostId: HOST, siteId: SITE, nonce: NONCE, port: 1_883 });
  const body = { state: "welcome", siteId: SITE, mqtt: { port: 1_883 }, proof };
  expect(await it.show()).toEqual({ status: 200, body });
  expect(await it.told()).toEqual([]);
});

test("a machine of another site is misplaced: the hub hears it once a minute, the status shows it, its secret goes nowhere", async () => {
  await using it = await arriving();
  const misplaced = { status: 200, body: { state: "misplaced", siteId: SITE, mqtt: { port: 1_883 } } };
  expect(await it.show()).toEqual(misplaced);
  const { machine, proof } = REQUEST;
  const entry = { type: "arrival", hostId: HOST, machine, proof, serialNumber: "SN-1" };
  expect(await it.told()).toEqual([{ ...entry, at: expect.any(Number) }]);
  await it.sent();
  it.pass(minutes(1) - 1);
  await it.show();
  expect(await it.told()).toEqual([]);
  it.pass(1);
  expect(await it.show()).toEqual(misplaced);
  expect(await it.told()).toHaveLength(1);
  expect(it.arrivals.list()).toEqual([expect.objectContaining({ hostId: HOST, serialNumber: "SN-1" })]);
  expect(JSON.stringify([it.arrivals.list(), await it.told()])).not.toContain(SECRET);
  it.pass(minutes(11));
  expect(it.arrivals.list()).toEqual([]);
});

test("a host that leaves or has left this site is not welcome; where it went it is (rule 14)", async () => {
  await using it = await arriving();
  await it.knows(SECRET);
  await it.site.feed(SITE_SCOPE, 2, [hostRow(HOST, 2, { siteId: OTHER })]);
  expect((await it.show()).body.state).toBe("misplaced");
  await it.site.feed(SITE_SCOPE, 3, [gone("host", HOST)]);
  expect((await it.show()).body.state).toBe("misplaced");
  await it.site.feed(SITE_SCOPE, 4, [hostRow(HOST, 4)]);
  expect((await it.show()).body.state).toBe("welcome");
  expect(it.arrivals.list()).toEqual([]);
});

test("a proof that was made for another site is worth nothing here", async () => {
  await using it = await arriving();
  await it.site.feed(SITE_SCOPE, 2, [hostRow(HOST, 2)]);
  await it.knows(SECRET);
  const proof = arrivalProof(hashSecret(SECRET), { hostId: HOST, siteId: OTHER });
  expect((await it.show({ proof })).body).toEqual({ state: "misplaced", siteId: SITE, mqtt: { port: 1_883 } });
});

test.each([
  ["another secret", "hfm_of-another-machine"],
  ["no secret at all, its disk being new", undefined],
])(
  "a machine whose host is this site's, which knows %s, is told to wait, and the hub nothing",
  async (_what, secret) => {
    await using it = await arriving();
    await it.site.feed(SITE_SCOPE, 2, [hostRow(HOST, 2)]);
    if (secret) await it.knows(secret);
    expect((await it.show()).body.state).toBe("misplaced");
    expect(await it.told()).toEqual([]);
  },
);

test("who tries many secrets or many hosts has to wait, and a machine that asks again does not", async () => {
  await using it = await arriving();
  for (let times = 0; times < 20; times += 1) expect((await it.show()).status).toBe(200);
  const statuses: number[] = [];
  for (let times = 0; times < 10; times += 1) {
    statuses.push((await it.show({ hostId: `host-0000010${times}` })).status);
  }
  expect(statuses.slice(0, 9)).toEqual(Array(9).fill(200));
  expect(statuses.at(-1)).toBe(429);
  it.pass(minutes(1));
  expect((await it.show()).status).toBe(200);
});

test.each([
  ["no proof", { proof: undefined }, /proof|required/],
  ["the secret itself", { secret: SECRET }, /additional/],
  ["a host id that is none", { hostId: "../etc" }, /hostId/],
  ["a field nobody knows", { admin: true }, /additional/],
])("an arrival with %s is refused naming it, without what it held", async (_what, more, message) => {
  await using it = await arriving();
  const { status, body } = await it.show(more);
  expect(status).toBe(400);
  expect(body.message).toMatch(message);
  expect(body.message).not.toContain(SECRET);
});

test("a site shows no more machines than it has room for", async () => {
  await using it = await arriving();
  for (let number = 0; number < 1_005; number += 1) {
    const hostId = `host-${number.toString(16).padStart(8, "0")}`;
    await it.arrivals.take({ ...REQUEST, hostId });
  }
  expect(it.arrivals.list().length).toBeLessThanOrEqual(1_000);
});
