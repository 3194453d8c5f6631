import { SILENT_AT_MOST } from "@holdfast/protocol/feed";
import { siteFingerprint } from "@holdfast/protocol/recovery";
import { CONTACT_EVERY } from "@holdfast/protocol/session";
import { createLog, minutes, nextTurn, silentLog, systemClock } from "@holdfast/runtime";
import { describe, expect, test } from "vitest";
import { readSetting } from "../database/settings.ts";
import { readPhase } from "../replica/phase.ts";
import { movedClock } from "../testing/moved-clock.ts";
import { OF, SITE, SITE_SCOPE, siteRow, TENANT, TENANT_SCOPE, TestSite } from "../testing/test-site.ts";
import { until } from "../testing/until.ts";
import { startClaims } from "./claim.ts";
import { startContact } from "./contact.ts";
import { HubLink, type HubListener } from "./hub-link.ts";

const TOKEN = "token-of-the-site";

interface Sent {
  readonly path: string;
  readonly body: Record<string, unknown>;
  readonly headers: Headers;
}

function hubThat(answer: (sent: Sent) => { status: number; body: unknown }, listener?: HubListener) {
  const sent: Sent[] = [];
  const carry: typeof fetch = async (input, init) => {
    const body = init?.body === undefined ? {} : JSON.parse(String(init.body));
    const request = { path: new URL(String(input)).pathname, body, headers: new Headers(init?.headers) };
    sent.push(request);
    const { status, body: said } = answer(request);
    return new Response(JSON.stringify(said), { status });
  };
  const of = { hubUrl: "http://hub", token: TOKEN, fetch: carry, clock: systemClock };
  return { sent, link: new HubLink({ ...of, ...(listener ? { listener } : {}) }) };
}

function contacting(site: TestSite, answer: (sent: Sent) => { status: number; body: unknown }) {
  const { sent, link } = hubThat(answer);
  const clock = movedClock();
  const { store, outbox } = site;
  let listens = 0;
  const onListen = () => {
    listens += 1;
  };
  const contact = startContact({ store, outbox, link, site: SITE, tenant: TENANT, clock, log: silentLog, onListen });
  return { sent, clock, contact, listens: () => listens };
}

const HEARD = { status: 200, body: { epoch: OF.epoch, position: 1 } };

test("a site that has said nothing for a while says that it is there, and shows what the hub signed only once", async () => {
  await using site = await TestSite.open();
  await site.feed(TENANT_SCOPE, 3, [siteRow()], { receipt: { seq: 3, receipt: "signed" } });
  const { sent, clock, contact, listens } = contacting(site, () => HEARD);
  const stream = await site.store.read((view) => readSetting(view, "stream"));
  clock.move(CONTACT_EVERY - 1);
  contact.sent();
  clock.move(CONTACT_EVERY - 1);
  await until(() => clock.sleeping() === 1);
  expect(sent).toEqual([]);
  clock.move(1);
  await until(() => sent.length === 1);
  expect(sent[0]).toMatchObject({
    path: `/v1/sites/${SITE}/contact`,
    body: { witness: { epoch: OF.epoch, feed: [{ scope: TENANT_SCOPE, seq: 3, receipt: "signed" }] } },
  });
  await until(() => {
    clock.move(CONTACT_EVERY);
    return sent.length > 1;
  });
  expect(sent.at(-1)?.body).toEqual({});
  await until(() => clock.sleeping() === 1);
  await contact.close();
  expect(clock.sleeping()).toBe(0);
  // The hub is in the life in which it was: nothing begins anew.
  expect([await site.store.read((view) => readSetting(view, "stream")), listens()]).toEqual([stream, 0]);
});

test("a contact that fails is tried again after a minute, and not before", async () => {
  await using site = await TestSite.open();
  const { sent, clock, contact } = contacting(site, () => ({ status: 503, body: {} }));
  contact.now();
  await until(() => sent.length === 1 && clock.sleeping() === 1);
  clock.move(minutes(1) - 1);
  await until(() => clock.sleeping() === 1);
  expect(sent.length).toBe(1);
  clock.move(1);
  await until(() => sent.length === 2);
  await contact.close();
});

test.each([
  [
    "refuses for its epoch",
    {
      status: 409,
      body: { code: "Aborted", message: "no", reason: "epoch", epoch: "epoch-2", incarnation: 1, expected: 1 },
    },
  ],
  ["is in another life without a word of it", { status: 200, body: { epoch: "epoch-2", position: 1 } }],
])(
  "a hub that %s when the site shows what it signed is told all that the site holds (rules 7, 20)",
  async (_what, answer) => {
    await using site = await TestSite.open();
    await site.feed(SITE_SCOPE, 3, [], { receipt: { seq: 3, receipt: "signed" } });
    const { sent, contact } = contacting(site, () => answer);
    contact.now();
    await until(async () => (await site.store.read(readPhase)).is === "recovering");
    expect(sent[0]?.body).toHaveProperty("witness");
    await contact.close();
  },
);

test("an answer that is no JSON is one all the same, and whatever was asked leaves nothing behind", async () => {
  const heard: number[] = [];
  const listener = { note: () => undefined, answered: (status: number) => heard.push(status) };
  const clock = movedClock();
  const asking = { within: 1_000, signal: new AbortController().signal };
  const through = (carry: typeof fetch) =>
    new HubLink({ hubUrl: "http://hub", token: TOKEN, fetch: carry, clock, listener });
  const html = through(async () => new Response("<html>", { status: 502, headers: { "retry-after": "7200" } }));
  expect(await html.ask("/v1/x", asking)).toEqual({ status: 502, body: undefined, retryAfter: minutes(60) });
  const cut = through(async () => {
    throw new TypeError("fetch failed");
  });
  await expect(cut.ask("/v1/x", asking)).rejects.toThrow("fetch failed");
  await expect(cut.fetch("http://hub/v1/shape")).rejects.toThrow("fetch failed");
  expect([heard, clock.sleeping()]).toEqual([[502], 0]);
});

test.each([
  [401, { recovering: true }, 1],
  [401, { recovering: "true" }, 0],
  [401, {}, 0],
  [503, { recovering: true }, 0],
])("a hub that answers %d with %j has lost its disk %d times (rule 20)", async (status, body, times) => {
  let lost = 0;
  const recovering = () => {
    lost += 1;
  };
  const asking = { within: 1_000, signal: new AbortController().signal };
  const listener = { note: () => undefined, answered: () => undefined };
  for (const told of [{ ...listener, recovering }, listener, undefined]) {
    const { link } = hubThat(() => ({ status, body }), told);
    expect(await link.ask("/v1/sites/self", asking)).toEqual({ status, body, retryAfter: undefined });
  }
  expect(lost).toBe(times);
});

test("what does not say of what kind it is comes on as it was", async () => {
  const body = new ReadableStream({
    start(controller) {
      controller.enqueue(new TextEncoder().encode("[]"));
      controller.close();
    },
  });
  const carry: typeof fetch = async () => new Response(body);
  const link = new HubLink({ hubUrl: "http://hub", token: TOKEN, fetch: carry, clock: systemClock });
  expect(await (await link.fetch("http://hub/v1/shape")).json()).toEqual([]);
});

test("each piece of an answer without end is a sign of the hub, and comes on as it was", async () => {
  const heard: number[] = [];
  const listener = { note: () => heard.push(0), answered: (status: number) => heard.push(status) };
  const carry: typeof fetch = async () => {
    const stream = new ReadableStream({
      start(controller) {
        for (const text of [": keep-alive\n\n", "data: 1\n\n"]) controller.enqueue(new TextEncoder().encode(text));
        controller.close();
      },
    });
    return new Response(stream, {
      headers: { "content-type": "text/event-stream; charset=utf-8", "electric-handle": "h" },
    });
  };
  const link = new HubLink({ hubUrl: "http://hub", token: TOKEN, fetch: carry, clock: systemClock, listener });
  const response = await link.fetch("http://hub/v1/shape");
  expect(response.headers.get("electric-handle")).toBe("h");
  expect(await response.text()).toBe(": keep-alive\n\ndata: 1\n\n");
  expect(heard).toEqual([200, 0, 0]);
});

describe("what a dead connection holds is given up when it has been silent for longer than a hub ever is", () => {
  /** A link over which an answer comes as told, if at all, and then nothing, for ever. */
  function deadAfter(said: readonly string[] | "nothing") {
    const given: AbortSignal[] = [];
    const carry: typeof fetch = async (_, init) => {
      const { signal } = init ?? {};
      if (!signal) throw new Error("nobody can give this up");
      given.push(signal);
      const gone = new Promise<never>((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
      gone.catch(() => undefined);
      if (said === "nothing") return gone;
      const pieces = [...said];
      const stream = new ReadableStream<Uint8Array>({
        async pull(controller) {
          const piece = pieces.shift();
          controller.enqueue(piece === undefined ? await gone : new TextEncoder().encode(piece));
        },
      });
      return new Response(stream, { headers: { "content-type": "text/event-stream" } });
    };
    const clock = movedClock();
    return { clock, given, link: new HubLink({ hubUrl: "http://hub", token: TOKEN, fetch: carry, clock }) };
  }
  type Dead = Pick<ReturnType<typeof deadAfter>, "clock" | "given">;

  /** What waits from now on is given up when nothing has come for too long, and not before. */
  async function expectGivenUp(waiting: Promise<unknown> | undefined, { clock, given }: Dead): Promise<void> {
    waiting?.catch(() => undefined);
    clock.move(SILENT_AT_MOST - 1);
    await nextTurn();
    expect(given[0]?.aborted).toBe(false);
    clock.move(1);
    await expect(waiting).rejects.toMatchObject({ code: "DeadlineExceeded" });
  }

  test("before the answer began", async () => {
    const { clock, given, link } = deadAfter("nothing");
    const asking = link.fetch("http://hub/v1/shape");
    await nextTurn();
    await expectGivenUp(asking, { clock, given });
  });

  test("in the middle of an answer without end, counted from its last piece", async () => {
    const { clock, given, link } = deadAfter([": keep-alive\n\n", ": keep-alive\n\n"]);
    const reader = (await link.fetch("http://hub/v1/shape")).body?.getReader();
    for (const _ of ["first", "second"]) {
      clock.move(SILENT_AT_MOST - 1);
      await reader?.read();
      await nextTurn();
    }
    const third = reader?.read();
    await expectGivenUp(third, { clock, given });
  });

  test("and what is whole, refused or was given up before is watched no more", async () => {
    for (const answer of [new Response("[]"), new Response("no", { status: 503 })]) {
      const clock = movedClock();
      const link = new HubLink({ hubUrl: "http://hub", token: TOKEN, fetch: async () => answer, clock });
      await (await link.fetch("http://hub/v1/shape")).text();
      await nextTurn();
      expect(clock.sleeping()).toBe(0);
    }
    const { clock, link } = deadAfter([": keep-alive\n\n"]);
    const mine = new AbortController();
    const response = await link.fetch("http://hub/v1/shape", { signal: mine.signal });
    expect(clock.sleeping()).toBe(1);
    mine.abort(new Error("stopped"));
    await expect(response.text()).rejects.toThrow("stopped");
    await nextTurn();
    expect(clock.sleeping()).toBe(0);
  });
});

test("a hub that lost its disk is told which site this is until an operator has accepted it (rule 20)", async () => {
  await using site = await TestSite.open();
  await site.feed(TENANT_SCOPE, 1, [siteRow()]);
  let begun = () => {};
  const heard: number[] = [];
  const answered = (status: number) => heard.push(status);
  const listener = { note: () => undefined, answered, recovering: () => begun() };
  let claims = 0;
  const hub = hubThat(({ path }) => {
    if (path === "/v1/sites/self") {
      return claims > 2
        ? { status: 200, body: {} }
        : { status: 401, body: { code: "x", message: "who?", recovering: true } };
    }
    claims += 1;
    const state = claims > 2 ? "accepted" : "waiting";
    return { status: claims > 2 ? 200 : 202, body: { state, fingerprint: siteFingerprint(TOKEN) } };
  }, listener);
  const clock = movedClock();
  let accepted = 0;
  const claiming = startClaims({
    ...{ store: site.store, link: hub.link, site: SITE, clock, log: silentLog },
    onAccepted: () => {
      accepted += 1;
    },
  });
  begun = () => claiming.begin();
  await hub.link.ask("/v1/sites/self", { within: 1_000, signal: new AbortController().signal });
  expect(claiming.waiting()).toEqual({ fingerprint: siteFingerprint(TOKEN), since: 1_000_000 });
  await until(() => {
    clock.move(minutes(2));
    return accepted === 1;
  });
  expect(claiming.waiting()).toBeUndefined();
  // That a claim was taken does not say that the hub lets this site in: it is heard when it does.
  expect(heard).toEqual([401, 200]);
  const claim = hub.sent.find(({ path }) => path === "/v1/recovery/claims");
  expect(claim?.headers.get("authorization")).toBe(`Bearer ${TOKEN}`);
  expect(claim?.body).toEqual({
    ...{ siteId: SITE, siteName: "oslo", tenant: { id: TENANT, name: "default" } },
    ...{ lineage: ["epoch-1"], fingerprint: siteFingerprint(TOKEN) },
  });
  await claiming.close();
});

/** A hub that lost its disk and has come through that, or has not yet: it takes no claims, or lets them wait. */
async function claimingAt(site: TestSite, hub: { claims: number; self: number }) {
  const said: string[] = [];
  const log = createLog("test", "info", { write: (line: string) => said.push(JSON.parse(line).msg) });
  const { sent, link } = hubThat(({ path }) => {
    if (path === "/v1/sites/self") return { status: hub.self, body: {} };
    return { status: hub.claims, body: { state: "waiting", fingerprint: siteFingerprint(TOKEN) } };
  });
  const clock = movedClock();
  const state = { accepted: 0 };
  const onAccepted = () => {
    state.accepted += 1;
  };
  await site.feed(TENANT_SCOPE, 1, [siteRow()]);
  return {
    said,
    sent,
    clock,
    state,
    claiming: startClaims({ store: site.store, link, site: SITE, clock, log, onAccepted }),
  };
}

test("a site whose hub takes no claims any more asks whether it is let in (rule 20)", async () => {
  await using site = await TestSite.open();
  const { said, state, claiming } = await claimingAt(site, { claims: 404, self: 200 });
  claiming.begin();
  claiming.begin();
  await until(() => state.accepted === 1);
  expect(said).toEqual([
    "the hub has lost its disk: at the hub, accept this site when it shows the same fingerprint",
    "the hub takes this site's token again",
  ]);
  await claiming.close();
});

test("a site that ends claims no more (rule 20)", async () => {
  await using site = await TestSite.open();
  const { sent, clock, state, claiming } = await claimingAt(site, { claims: 202, self: 401 });
  claiming.begin();
  await until(() => clock.sleeping() === 1);
  await claiming.close();
  expect(clock.sleeping()).toBe(0);
  const asked = sent.length;
  claiming.begin();
  await nextTurn();
  expect([sent.length, state.accepted]).toEqual([asked, 0]);
});

test("a site that stands in for another version says so at every request (rule 23)", () => {
  const link = new HubLink({ hubUrl: "http://hub", token: TOKEN, fetch, clock: systemClock, protocolVersion: 7 });
  expect(new Headers(link.headers()).get("holdfast-protocol")).toBe("7");
});
