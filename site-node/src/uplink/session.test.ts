import { PROTOCOL_VERSION } from "@holdfast/protocol/handshake";
import { createLog, silentLog, systemClock } from "@holdfast/runtime";
import { expect, onTestFinished, test, vi } from "vitest";
import { readSetting, writeSetting } from "../database/settings.ts";
import { siteTables } from "../database/tables.ts";
import { listening } from "../replica/phase.ts";
import { hostRow, SITE, SITE_SCOPE, siteRow, TENANT, TENANT_SCOPE, TestSite } from "../testing/test-site.ts";
import { HubLink } from "./hub-link.ts";
import { confirmEpoch, openSession } from "./session.ts";

const SELF = { siteId: SITE, tenant: { id: TENANT, name: "default" }, epoch: "epoch-1", protocol: 1, capabilities: [] };

function options(site: TestSite, answers: { status: number; body: unknown }[]) {
  const asked: Headers[] = [];
  const carry: typeof fetch = async (_input, init) => {
    asked.push(new Headers(init?.headers));
    const { status, body } = answers[Math.min(asked.length, answers.length) - 1] ?? { status: 500, body: {} };
    return new Response(JSON.stringify(body), { status });
  };
  const link = new HubLink({ hubUrl: "http://hub", token: "token-of-the-site", fetch: carry, clock: systemClock });
  const { store, outbox } = site;
  return { asked, session: { store, outbox, link, site: SITE, clock: systemClock, log: silentLog } };
}

const streamOf = (site: TestSite) => site.store.read((view) => readSetting(view, "stream"));
const signal = () => new AbortController().signal;

test("the link opens with who the site is and which protocol it speaks", async () => {
  await using site = await TestSite.open();
  const { asked, session } = options(site, [{ status: 200, body: SELF }]);
  expect(await openSession(session, signal())).toEqual({ site: SITE, tenant: TENANT, epoch: "epoch-1" });
  expect(asked[0]?.get("authorization")).toBe("Bearer token-of-the-site");
  expect(asked[0]?.get("holdfast-protocol")).toBe(String(PROTOCOL_VERSION));
});

test.each<[string, { status: number; body: unknown }, RegExp]>([
  ["another site's token", { status: 200, body: { ...SELF, siteId: "site-0000000b" } }, /--token-file/],
  ["a token that is not known", { status: 401, body: { message: "no" } }, /401/],
  ["a protocol too old", { status: 426, body: { message: "upgrade the site" } }, /upgrade the site/],
  ["an answer of another shape", { status: 200, body: { hello: "world" } }, /shape/],
])("with %s nothing of what the site knows changes", async (_what, answer, message) => {
  await using site = await TestSite.open();
  const before = await streamOf(site);
  await expect(confirmEpoch(options(site, [answer]).session, signal())).rejects.toThrow(message);
  expect(await streamOf(site)).toEqual(before);
});

test("a hub that is not ready is asked again until it answers", async () => {
  await using site = await TestSite.open();
  const { asked, session } = options(site, [
    { status: 503, body: {} },
    { status: 200, body: SELF },
  ]);
  await openSession(session, signal());
  expect(asked).toHaveLength(2);
});

test("the same life of the hub goes on in the same stream, another begins one in the same incarnation", async () => {
  await using site = await TestSite.open();
  const before = await streamOf(site);
  await confirmEpoch(options(site, [{ status: 200, body: SELF }]).session, signal());
  expect(await streamOf(site)).toEqual(before);
  await confirmEpoch(options(site, [{ status: 200, body: { ...SELF, epoch: "epoch-2" } }]).session, signal());
  expect(await streamOf(site)).toMatchObject({ epoch: "epoch-2", incarnation: before?.incarnation, next: 1 });
});

test("a hub of another version than before is told all that is observed, and its feed is read anew (rule 23)", async () => {
  await using site = await TestSite.open();
  await site.feed(TENANT_SCOPE, 1, [siteRow()]);
  await site.feed(SITE_SCOPE, 2, [hostRow("host-00000001", 2)]);
  await confirmEpoch(options(site, [{ status: 200, body: SELF }]).session, signal());
  const known = await site.store.read(listening);
  const forget = () => site.write((transaction) => siteTables(transaction).deleteFrom("outbox").execute());
  await forget();
  await confirmEpoch(options(site, [{ status: 200, body: SELF }]).session, signal());
  expect(await site.store.read(listening)).toBe(known);

  await confirmEpoch(options(site, [{ status: 200, body: { ...SELF, protocol: 9 } }]).session, signal());
  const positions = await site.store.read((view) =>
    siteTables(view).selectFrom("replica_position").selectAll().execute(),
  );
  expect(positions.map(({ position }) => position)).toEqual(["-1", "-1"]);
  expect(positions.map(({ seq }) => seq).toSorted()).toEqual([1, 2]);
  expect(await site.store.read(listening)).toBe(known + 1);
  const waiting = await site.store.read((view) => siteTables(view).selectFrom("outbox").select("key").execute());
  expect(waiting).toEqual([{ key: "state/host/host-00000001" }]);
});

test("the hub's lives are remembered in their order, also those that passed while the site was away", async () => {
  await using site = await TestSite.open();
  const lineage = ["epoch-0", "epoch-1", "epoch-2", "epoch-3"];
  await confirmEpoch(options(site, [{ status: 200, body: { ...SELF, epoch: "epoch-3", lineage } }]).session, signal());
  expect(await site.store.read((view) => readSetting(view, "lineage"))).toEqual(lineage);
  // A hub that lost its disk knows none of them.
  const fresh = { ...SELF, epoch: "epoch-9", lineage: ["epoch-8", "epoch-9"] };
  await confirmEpoch(options(site, [{ status: 200, body: fresh }]).session, signal());
  expect(await site.store.read((view) => readSetting(view, "lineage"))).toEqual([...lineage, "epoch-8", "epoch-9"]);
});

test.each([
  ["that loses its disk", { epoch: "epoch-9", lineage: ["epoch-8", "epoch-9"] }, ["epoch-1", "epoch-8", "epoch-9"]],
  ["of such a version too", { epoch: "epoch-1" }, ["epoch-1"]],
])("a home of a version that remembered no lives knows its own before those of a hub %s", async (_what, hub, lives) => {
  await using site = await TestSite.open();
  await site.write((transaction) => writeSetting(transaction, "lineage", []));
  await confirmEpoch(options(site, [{ status: 200, body: { ...SELF, ...hub } }]).session, signal());
  expect(await site.store.read((view) => readSetting(view, "lineage"))).toEqual(lives);
});

/** As the log numbers them. */
const [ERROR, WARNING] = [50, 40];

test.each([
  ["a wrong token is an error, once", { status: 200, body: { ...SELF, siteId: "site-0000000b" } }, ERROR],
  ["a hub that is not ready is none", { status: 503, body: {} }, WARNING],
])("that %s; it is asked again ever later", async (_what, answer, first) => {
  await using site = await TestSite.open();
  vi.spyOn(Math, "random").mockReturnValue(0.5);
  onTestFinished(() => void vi.restoreAllMocks());
  const levels: number[] = [];
  const log = createLog("test", "info", { write: (line: string) => levels.push(JSON.parse(line).level) });
  const stopped = new AbortController();
  const waits: number[] = [];
  const sleep = async (wait: number) => {
    if (waits.push(wait) === 3) stopped.abort(new Error("enough"));
  };
  const { session } = options(site, [answer]);
  const opening = openSession({ ...session, log, clock: { ...systemClock, sleep } }, stopped.signal);
  await expect(opening).rejects.toThrow("enough");
  expect(levels).toEqual([first, WARNING, WARNING]);
  expect(waits).toEqual([250, 500, 1_000]);
});
