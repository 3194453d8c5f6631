import { PROTOCOL_VERSION } from "@holdfast/protocol/handshake";
import { silentLog, systemClock } from "@holdfast/runtime";
import { expect, test } from "vitest";
import { readSetting } from "../database/settings.ts";
import { SITE, TENANT, TestSite } from "../testing/test-site.ts";
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
