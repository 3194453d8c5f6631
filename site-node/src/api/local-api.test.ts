import { Host } from "@holdfast/protocol/kinds/host";
import type { UplinkEntry } from "@holdfast/protocol/uplink";
import { expect, test } from "vitest";
import { siteTables } from "../database/tables.ts";
import type { FeedChange } from "../replica/apply.ts";
import { ALICE, accessRow, BOB, SiteApi } from "../testing/site-api.ts";
import { hostRow, SITE, siteRow, TENANT } from "../testing/test-site.ts";

const HOSTS = "compute/hosts";
const INSTANCES = "compute/instances";

async function intents(it: SiteApi): Promise<UplinkEntry[]> {
  const rows = await it.site.store.read((view) =>
    siteTables(view).selectFrom("outbox").select("body").where("lane", "=", 1).orderBy("number").execute(),
  );
  return rows.map(({ body }) => JSON.parse(body ?? "null"));
}

const edits = async (it: SiteApi) =>
  (await intents(it)).flatMap((entry) => (entry.type === "edit" ? [[entry.field, entry.value]] : []));

test("every answer of a site says whose slice it is and when the hub was last heard (rule 4)", async () => {
  await using it = await SiteApi.open();
  const says = { "holdfast-slice": SITE, "holdfast-hub-heard": "2027-01-15T08:00:00.000Z" };
  for (const path of [HOSTS, "/v1/health", "/v1/nothing", `${HOSTS}/nonsense`]) {
    expect((await it.ask("GET", path)).headers).toMatchObject(says);
  }
  it.heard = undefined;
  expect((await it.ask("GET", "/v1/health")).headers).not.toHaveProperty("holdfast-hub-heard");
});

test("what only the hub answers is refused with the word that it is the hub's", async () => {
  await using it = await SiteApi.open();
  expect(await it.ask("POST", `sites/${SITE}/enrolment-tokens?x=1`)).toMatchObject({
    status: 403,
    body: { code: "PermissionDenied", message: "enrolment tokens are made at the hub" },
  });
  expect((await it.ask("POST", "nothing")).status).toBe(404);
});

test("a machine is registered at a cut-off site with the paths of the hub, and the answer says that the site alone has it", async () => {
  await using it = await SiteApi.open();
  const body = { name: "till", serialNumber: "SN12345", autoOnboard: true };
  const made = await it.ask("POST", `${HOSTS}/register`, { body });
  expect(made).toMatchObject({
    status: 200,
    body: { name: "till", serialNumber: "SN12345", desiredState: "HOST_STATE_ONBOARDED", site: { resourceId: SITE } },
    headers: { "holdfast-durability": "site" },
  });
  expect((await it.ask("GET", `${HOSTS}/${made.body.resourceId}`)).body.name).toBe("till");
  expect(await intents(it)).toMatchObject([{ type: "create", actor: expect.stringMatching(/^operator:/) }]);
});

test.each<[string, (it: SiteApi) => Promise<{ status: number }>, (it: SiteApi) => unknown[]]>([
  ["renamed", (it) => it.ask("PATCH", `${HOSTS}/${it.own}`, { body: { name: "x" } }), () => [["name", "x"]]],
  [
    "labelled",
    (it) => it.ask("PATCH", `${HOSTS}/${it.own}`, { body: { metadata: [{ key: "a", value: "b" }] } }),
    () => [["metadata", [{ key: "a", value: "b" }]]],
  ],
  [
    "switched off",
    (it) => it.ask("PATCH", `${HOSTS}/${it.own}`, { body: { desiredPowerState: "POWER_STATE_OFF" } }),
    () => [["desiredPowerState", "POWER_STATE_OFF"]],
  ],
  [
    "onboarded",
    (it) => it.ask("PATCH", `${HOSTS}/${it.own}/onboard`),
    () => [["desiredState", "HOST_STATE_ONBOARDED"]],
  ],
  [
    "deauthorised",
    (it) => it.ask("PUT", `${HOSTS}/${it.own}/invalidate?note=stolen`),
    () => [
      ["desiredState", "HOST_STATE_UNTRUSTED"],
      ["note", "stolen"],
    ],
  ],
  ["claimed", (it) => it.ask("PATCH", `${HOSTS}/${it.free}`, { body: { siteId: SITE } }), () => [["siteId", SITE]]],
])("a machine is %s at a cut-off site, and the hub will hear of just that", async (_what, ask, expected) => {
  await using it = await SiteApi.open();
  expect(await ask(it)).toMatchObject({ status: 200, headers: { "holdfast-durability": "site" } });
  expect(await edits(it)).toEqual(expected(it));
  await it.hub.take(it.site);
  expect(it.hub.outcomes.every(({ result }) => result === "applied")).toBe(true);
});

test("an instance is made and deleted at a cut-off site", async () => {
  await using it = await SiteApi.open();
  const made = await it.ask("POST", INSTANCES, { body: { hostID: it.own, osID: it.os, kind: "INSTANCE_KIND_METAL" } });
  expect(made).toMatchObject({ status: 200, body: { desiredState: "INSTANCE_STATE_RUNNING", host: { name: "own" } } });
  const path = `${INSTANCES}/${made.body.resourceId}`;
  expect(await it.ask("PATCH", path, { body: { name: "web" } })).toMatchObject({ status: 200, body: { name: "web" } });
  expect(await it.ask("DELETE", path)).toMatchObject({ status: 200, headers: { "holdfast-durability": "site" } });
  expect((await it.ask("GET", path)).body.desiredState).toBe("INSTANCE_STATE_DELETED");
  expect((await it.ask("PATCH", path, { body: { name: "x" } })).body.message).toMatch(/being deleted/);
});

test.each<[string, (it: SiteApi) => Promise<{ status: number; body: unknown }>, number, RegExp]>([
  ["a region", (it) => it.ask("POST", "regions", { body: { name: "x" } }), 403, /at the hub/],
  ["a project", (it) => it.ask("PUT", "/v1/projects/acme", { body: {} }), 403, /projects are made.* at the hub/],
  ["the end of its project", (it) => it.ask("DELETE", "/v1/projects/default"), 403, /projects .* at the hub/],
  ["an organisation", (it) => it.ask("PUT", "/v1/orgs/north", { body: {} }), 403, /organisations .* at the hub/],
  ["another OS name", (it) => it.ask("PATCH", `compute/os/${it.os}`, { body: { name: "x" } }), 403, /at the hub/],
  ["the end of a host", (it) => it.ask("DELETE", `${HOSTS}/${it.own}`), 403, /deleted at the hub/],
  ["a move", (it) => it.ask("PATCH", `${HOSTS}/${it.own}`, { body: { siteId: "" } }), 403, /siteId: .*at the hub/],
  ["no site", (it) => it.ask("PATCH", `${HOSTS}/${it.free}`, { body: { name: "x" } }), 403, /name: .*claim it/],
  ["a host elsewhere", (it) => it.ask("GET", `${HOSTS}/host-0badcafe`), 421, /not held at/],
  ["an OS that is none", (it) => it.ask("GET", "compute/os/os-0badcafe"), 404, /not found/],
  ["a wrong type", (it) => it.ask("PATCH", `${HOSTS}/${it.own}`, { body: { name: 7 } }), 400, /name/],
  ["a wrong power", (it) => it.ask("PATCH", `${HOSTS}/${it.own}`, { body: { desiredPowerState: "X" } }), 400, /Power/],
  ["a field nobody has", (it) => it.ask("PATCH", `${HOSTS}/${it.own}`, { body: { colour: "red" } }), 400, /colour/],
  ["no body", (it) => it.ask("POST", INSTANCES, { body: {} }), 400, /hostID|osID/],
  ["an old generation", (it) => it.ask("PATCH", `${HOSTS}/${it.own}`, { body: { generation: 7 } }), 409, /generation/],
])("%s is refused at a site naming what is wrong, and nothing is journalled", async (_what, ask, status, message) => {
  await using it = await SiteApi.open();
  const answer = await ask(it);
  expect(answer).toMatchObject({ status, body: { message: expect.stringMatching(message) } });
  expect(await intents(it)).toEqual([]);
});

test("two operators at one site build on what each other wrote, and a third who saw something older is told so", async () => {
  await using it = await SiteApi.open();
  const path = `${HOSTS}/${it.own}`;
  const { generation } = (await it.ask("GET", path)).body;
  const first = await it.ask("PATCH", path, { body: { name: "a", generation } });
  const second = await it.ask("PATCH", path, { body: { name: "b", generation: first.body.generation }, as: BOB });
  expect(second).toMatchObject({ status: 200, body: { name: "b" } });
  expect(await it.ask("PATCH", path, { body: { name: "c", generation } })).toMatchObject({ status: 409 });
  const [one, two] = await intents(it);
  expect(two).toMatchObject({ base: one && "intent" in one ? one.intent : "", actor: "operator:bob" });
  await it.hub.take(it.site);
  expect((await it.hub.get(Host, it.own))?.fields.name).toBe("b");
});

test("whoever likes waits for the hub's word, and hears how safe the write is (rule 4)", async () => {
  await using it = await SiteApi.open();
  const patch = (name: string, wait: number) =>
    it.ask("PATCH", `${HOSTS}/${it.own}`, { body: { name }, headers: { prefer: `wait=${wait}` } });
  const alone = await it.ask("PATCH", `${HOSTS}/${it.own}`, { body: { name: "now" }, headers: { prefer: "wait=0" } });
  expect(alone.headers["holdfast-durability"]).toBe("site");
  const waiting = patch("later", 30);
  await expect.poll(() => edits(it)).toHaveLength(2);
  await it.hub.take(it.site);
  it.outcomes.told();
  expect(await waiting).toMatchObject({ status: 200, headers: { "holdfast-durability": "hub" } });
  // Nothing is on its way any more, and nothing is asked for.
  await it.hub.show(it.site);
  expect((await patch("later", 30)).headers["holdfast-durability"]).toBe("hub");
});

test("who waits hears that the hub did not take the write, and why", async () => {
  await using it = await SiteApi.open();
  await it.hub.update(Host, it.own, { name: "hubs" });
  const body = { name: "sites" };
  const waiting = it.ask("PATCH", `${HOSTS}/${it.own}`, { body, headers: { prefer: "wait=30" } });
  await expect.poll(() => edits(it)).toHaveLength(1);
  await it.hub.take(it.site);
  it.outcomes.told();
  expect(await waiting).toMatchObject({
    status: 409,
    body: { message: expect.stringMatching(/^name: .*somebody else/) },
  });
});

test("a site-node that closes lets go who waits", async () => {
  await using it = await SiteApi.open();
  const waiting = it.ask("PATCH", `${HOSTS}/${it.own}`, { body: { name: "x" }, headers: { prefer: "wait=30" } });
  await expect.poll(() => edits(it)).toHaveLength(1);
  it.outcomes.close();
  expect(await waiting).toMatchObject({ status: 200, headers: { "holdfast-durability": "site" } });
});

test("a restart in the middle keeps what was written, and who may write", async () => {
  await using it = await SiteApi.open();
  const made = await it.ask("POST", `${HOSTS}/register`, { body: { name: "till", serialNumber: "SN12345" } });
  await it.restart();
  const path = `${HOSTS}/${made.body.resourceId}`;
  expect(await it.ask("PATCH", path, { body: { name: "till 2" } })).toMatchObject({ status: 200 });
  await it.hub.take(it.site);
  await it.restart();
  expect((await it.ask("GET", path)).body.name).toBe("till 2");
  expect(await it.hub.get(Host, made.body.resourceId)).toMatchObject({ fields: { name: "till 2" }, generation: 2 });
});

test("a host that goes to another site is shown until it is gone, and is not written here any more (rule 14)", async () => {
  await using it = await SiteApi.open();
  await it.tenantFeed({ ...siteRow(1e12), id: "site-0000000b" } as FeedChange);
  await it.siteFeed(hostRow(it.own, 1e12, { siteId: "site-0000000b" }));
  const answer = await it.ask("PATCH", `${HOSTS}/${it.own}`, { body: { name: "x" } });
  expect(answer).toMatchObject({ status: 403, body: { message: expect.stringMatching(/is moving to/) } });
});

test("whoever wrote is named by the token that let them in, so that the hub can look again (rule 6)", async () => {
  await using it = await SiteApi.open();
  await it.ask("PATCH", `${HOSTS}/${it.own}`, { body: { name: "x" } });
  expect(await intents(it)).toMatchObject([{ actor: "operator:alice", token: accessRow(ALICE, 1).id }]);
});

test("another project than the site's own is nobody's here", async () => {
  await using it = await SiteApi.open();
  for (const project of ["other", TENANT.replaceAll("1", "3")]) {
    expect(await it.ask("GET", `/v1/projects/${project}/${HOSTS}`)).toMatchObject({ status: 404 });
  }
  expect(await it.ask("GET", `/v1/projects/${TENANT}/${HOSTS}`)).toMatchObject({ status: 200 });
});
