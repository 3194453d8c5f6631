import { hashSecret } from "@holdfast/runtime";
import { expect, test } from "vitest";
import { siteTables } from "../database/tables.ts";
import { ALICE, accessRow, BOB, READER, SiteApi } from "../testing/site-api.ts";
import { TENANT } from "../testing/test-site.ts";

const HOSTS = "compute/hosts";

test("operators are let in at a cut-off site with their tokens, and may there what they may at the hub", async () => {
  await using it = await SiteApi.open();
  expect(await it.ask("GET", HOSTS)).toMatchObject({ status: 200, body: { totalElements: 2 } });
  expect(await it.ask("GET", HOSTS, { as: READER })).toMatchObject({ status: 200 });
  const body = { name: "x" };
  expect(await it.ask("PATCH", `${HOSTS}/${it.own}`, { body, as: READER })).toMatchObject({ status: 403 });
  expect(await it.ask("PATCH", `${HOSTS}/${it.own}`, { body, as: BOB })).toMatchObject({ status: 200 });
});

test.each<[string, string | null, RegExp]>([
  ["no token", null, /token is needed/],
  ["a token that nobody gave out", "hfo_a-token-that-nobody-gave-out", /unknown at this site, or was revoked/],
  ["a site's token", "hfs_the-token-of-some-other-site", /no operator's token/],
  ["a machine's secret", "hfm_the-secret-of-some-machine", /no operator's token/],
  ["an enrolment token", "hfe_a-token-for-one-machine-only", /no operator's token/],
  ["the hash of a good token", hashSecret(ALICE), /unknown/],
  ["a pattern", "%%%%%%%%%%%%%%%%", /token is needed/],
])("with %s nobody is let in, anywhere", async (_what, as, message) => {
  await using it = await SiteApi.open();
  for (const path of [HOSTS, "/v1/nothing", "conflicts"]) {
    const answer = await it.ask("GET", path, { as });
    expect(answer).toMatchObject({ status: 401, body: { code: "Unauthenticated" } });
    expect(answer.body.message).toMatch(message);
  }
});

test("a token of another tenant opens nothing, whichever feed it came in", async () => {
  await using it = await SiteApi.open();
  const other = "hfo_the-token-of-somebody-elses";
  await it.tenantFeed(accessRow(other, 9, { tenant: TENANT.replaceAll("1", "2") }));
  expect(await it.ask("GET", HOSTS, { as: other })).toMatchObject({ status: 401 });
});

test("a role that the site knows gives what it gives, whatever else it comes with, and one that it does not know gives nothing", async () => {
  await using it = await SiteApi.open();
  const token = "hfo_the-token-of-dora-who-switches";
  const patch = async (body: object) => (await it.ask("PATCH", `${HOSTS}/${it.own}`, { body, as: token })).status;
  const off = { desiredPowerState: "POWER_STATE_OFF" };
  await it.tenantFeed(accessRow(token, 10, { role: "read", roles: ["oob-power", "of-tomorrow"] }));
  expect([await patch(off), await patch({ name: "other" })]).toEqual([200, 403]);
  await it.tenantFeed(accessRow(token, 11, { role: "write", roles: ["of-tomorrow", "hub-admin"] }));
  expect([await patch(off), await patch({ name: "other" })]).toEqual([404, 404]);
  await it.tenantFeed(accessRow(token, 12, { role: "write", roles: ["im-rw"] }));
  expect(await patch({ name: "other" })).toBe(200);
});

test("what a program does is journalled as a program's, whatever it is called", async () => {
  await using it = await SiteApi.open();
  const token = "hfo_the-token-of-alices-namesake";
  await it.tenantFeed(accessRow(token, 10, { name: "service:alice" }));
  await it.ask("PATCH", `${HOSTS}/${it.own}`, { body: { name: "other" }, as: token });
  const rows = await it.site.store.read((view) =>
    siteTables(view).selectFrom("outbox").select("body").where("lane", "=", 1).execute(),
  );
  expect(rows.map(({ body }) => JSON.parse(body ?? "null"))).toMatchObject([{ type: "edit", actor: "service:alice" }]);
});

test("a revocation counts from the moment at which the site hears of it, and a new token too", async () => {
  await using it = await SiteApi.open();
  expect(await it.ask("GET", HOSTS, { as: BOB })).toMatchObject({ status: 200 });
  await it.tenantFeed(accessRow(BOB, 10, null));
  expect(await it.ask("GET", HOSTS, { as: BOB })).toMatchObject({ status: 401 });
  const dave = "hfo_the-token-of-dave-who-is-new";
  expect(await it.ask("GET", HOSTS, { as: dave })).toMatchObject({ status: 401 });
  await it.tenantFeed(accessRow(dave, 11));
  expect(await it.ask("GET", HOSTS, { as: dave })).toMatchObject({ status: 200 });
  await it.restart();
  expect(await it.ask("GET", HOSTS, { as: dave })).toMatchObject({ status: 200 });
  expect(await it.ask("GET", HOSTS, { as: BOB })).toMatchObject({ status: 401 });
});

test("a token that this site alone was given back by its feed is taken as any, until that says otherwise (rule 20)", async () => {
  await using it = await SiteApi.open();
  const carol = "hfo_the-token-of-carol-whom-the-hub-lost";
  expect(await it.ask("GET", HOSTS, { as: carol })).toMatchObject({ status: 401 });
  await it.siteFeed(accessRow(carol, 12));
  expect(await it.ask("GET", HOSTS, { as: carol })).toMatchObject({ status: 200 });
  await it.siteFeed(accessRow(carol, 13, null));
  expect(await it.ask("GET", HOSTS, { as: carol })).toMatchObject({ status: 401 });
});

test("a token expires by its own time, and by how long the hub has not been heard (rules 6, 22)", async () => {
  await using it = await SiteApi.open();
  await it.tenantFeed(
    accessRow(ALICE, 10, { notAfter: it.now + 1_000 }),
    accessRow(BOB, 11, { offlineSeconds: 3_600 }),
  );
  it.now += 999;
  expect(await it.ask("GET", HOSTS)).toMatchObject({ status: 200 });
  it.now += 1;
  expect((await it.ask("GET", HOSTS)).body.message).toMatch(/has expired/);
  it.now += 3_600_000;
  expect((await it.ask("GET", HOSTS, { as: BOB })).body.message).toMatch(/3600 seconds without the hub/);
  it.heard = it.now;
  expect(await it.ask("GET", HOSTS, { as: BOB })).toMatchObject({ status: 200 });
});

test("an address that comes with wrong tokens has to wait, and shuts nobody else out", async () => {
  await using it = await SiteApi.open();
  const wrong = async (from: string) => (await it.ask("GET", HOSTS, { as: "hfo_wrong-every-time", from })).status;
  const seen: number[] = [];
  for (let tries = 0; tries < 12; tries += 1) seen.push(await wrong("192.0.2.1"));
  expect(seen).toEqual([...Array(10).fill(401), 429, 429]);
  const { headers } = await it.ask("GET", HOSTS, { as: "hfo_wrong-every-time", from: "192.0.2.1" });
  expect(Number(headers["retry-after"])).toBeGreaterThan(0);
  expect(Number(headers["retry-after"])).toBeLessThanOrEqual(60);
  expect(await wrong("192.0.2.2")).toBe(401);
  expect(await it.ask("GET", HOSTS, { from: "192.0.2.1" })).toMatchObject({ status: 200 });
});
