import { Region } from "@holdfast/protocol";
import { Fault } from "@holdfast/runtime";
import { describe, expect, test } from "vitest";
import { type ApiUnderTest, type Body, openApi } from "../api-under-test.ts";
import type { LookAround } from "../situation.ts";
import { steppedClock, watch } from "./watch-under-test.ts";

const make = async (api: ApiUnderTest, name: string) =>
  String((await api.done("POST", "regions", { name })).resourceId);

const rename = (api: ApiUnderTest, id: string, name: string) => api.done("PATCH", `regions/${id}`, { name });

describe("a watch", () => {
  test("begins with all that is there, and goes on with what happens", async () => {
    await using api = await openApi();
    const north = await make(api, "north");
    await using watcher = await watch(api, "regions?watch=true");
    expect(watcher.headers.get("content-type")).toBe("text/event-stream");
    expect(watcher.headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
    expect((await watcher.untilBookmark()).told).toBe("created:north");
    const south = await make(api, "south");
    expect(await watcher.next()).toMatchObject({
      name: "created",
      data: { resourceId: south, name: "south", generation: 1 },
    });
    const changed = await rename(api, north, "far north");
    expect(await watcher.next()).toMatchObject({ name: "updated", id: expect.stringMatching(/./), data: changed });
    await api.done("DELETE", `regions/${south}`);
    expect(await watcher.next()).toMatchObject({ name: "deleted", data: { resourceId: south } });
  });

  test("is what a browser's EventSource asks for, and no HEAD", async () => {
    await using api = await openApi();
    await make(api, "north");
    await using watcher = await watch(api, "regions", { accept: "text/event-stream" });
    expect((await watcher.untilBookmark()).told).toBe("created:north");
    expect((await api.ask("GET", "regions?watch=false", { headers: { accept: "text/event-stream" } })).status).toBe(
      200,
    );
    expect((await api.ask("HEAD", "regions?watch=true")).status).toBe(200);
  });

  test("sees its own project alone, and its own kind", async () => {
    await using api = await openApi();
    await using watcher = await watch(api, "regions?watch=true");
    await watcher.untilBookmark();
    await api.done("POST", "/v1/projects/other/regions", { name: "theirs" });
    await api.done("POST", "sites", { name: "a site" });
    await make(api, "ours");
    expect(await watcher.next()).toMatchObject({ name: "created", data: { name: "ours" } });
    await using stranger = await watch(api, "regions?watch=true", { authorization: "Bearer writer-of-other" });
    expect(stranger.status).toBe(404);
  });

  test("of a filter tells what comes to match as created and what ceases to as deleted", async () => {
    await using api = await openApi();
    const north = await make(api, "north");
    const other = await make(api, "other");
    await using watcher = await watch(
      api,
      `regions?watch=true&filter=${encodeURIComponent('name="north" OR name="south"')}`,
    );
    expect((await watcher.untilBookmark()).told).toBe("created:north");
    await rename(api, other, "another");
    await rename(api, other, "south");
    expect(await watcher.next()).toMatchObject({ name: "created", data: { name: "south" } });
    await rename(api, north, "north by north");
    expect(await watcher.next()).toMatchObject({ name: "updated", data: { name: "north by north" } });
    await rename(api, north, "elsewhere");
    expect(await watcher.next()).toMatchObject({ name: "deleted", data: { resourceId: north } });
    await api.done("DELETE", `regions/${north}`);
    await rename(api, other, "south by south");
    expect(await watcher.next()).toMatchObject({ name: "updated", data: { name: "south by south" } });
  });
});

describe("a cursor", () => {
  test("of an event, of a bookmark or of a list leads on to what has happened since, and to nothing else", async () => {
    await using api = await openApi();
    const north = await make(api, "north");
    const listed = String((await api.ask("GET", "regions")).headers["holdfast-cursor"]);
    const south = await make(api, "south");
    await using first = await watch(api, `regions?watch=true&cursor=${listed}`);
    const { told, cursor } = await first.untilBookmark();
    expect(told).toBe("created:south");
    await rename(api, north, "a");
    await rename(api, north, "b");
    await api.done("DELETE", `regions/${south}`);
    await using next = await watch(api, `regions?watch=true&cursor=${cursor}`);
    expect((await next.untilBookmark()).told).toBe(`updated:b deleted:${south}`);
    const { id } = await first.next();
    await using header = await watch(api, `regions?watch=true&cursor=${cursor}`, { "last-event-id": String(id) });
    expect((await header.untilBookmark()).told).toContain("deleted");
  });

  test("leads through many pages of changes, in their order", async () => {
    await using api = await openApi();
    const listed = String((await api.ask("GET", "regions")).headers["holdfast-cursor"]);
    const names = Array.from({ length: 230 }, (_, at) => `r${at}`);
    for (const name of names)
      await api.inventory.create(Region, {
        actor: "hub",
        tenant: api.acme.id,
        fields: { name },
      });
    await using watcher = await watch(api, `regions?watch=true&cursor=${listed}`);
    expect((await watcher.untilBookmark()).told).toBe(names.map((name) => `created:${name}`).join(" "));
    await using whole = await watch(api, "regions?watch=true");
    expect((await whole.untilBookmark()).told.split(" ").toSorted()).toEqual(
      names.map((name) => `created:${name}`).toSorted(),
    );
  });

  test("that leads nowhere is refused with 410, and one that is none with 400", async () => {
    await using api = await openApi();
    await using elsewhere = await openApi();
    await make(api, "north");
    const listed = String((await api.ask("GET", "regions")).headers["holdfast-cursor"]);
    expect((await elsewhere.ask("GET", `regions?watch=true&cursor=${listed}`)).body).toEqual({
      code: "OutOfRange",
      message: "cursor: it is of another time, which was lost: begin without it",
    });
    await api.store.write((tx) => tx.setSetting("revision-floor", "9"));
    const old = await api.ask("GET", `regions?watch=true&cursor=${listed}`);
    expect([old.status, old.body.message]).toEqual([410, "cursor: it is too old: begin without it"]);
    const none = await api.ask("GET", "regions?watch=true&cursor=x");
    expect([none.status, none.body.message]).toEqual([400, "cursor: is none that was given here"]);
    for (const name of ["pageToken=x", "offset=3", "orderBy=name"]) {
      expect((await api.ask("GET", `regions?watch=true&${name}`)).body.message).toMatch(/does not go with watch$/);
    }
  });
});

const turns = async (count = 20) => {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
};

/** So many regions, all but the first made by one commit. */
async function makeAtOnce(api: ApiUnderTest, count: number): Promise<void> {
  const fields = { name: "made at once" };
  const one = await api.inventory.create(Region, { actor: "hub", tenant: api.acme.id, fields });
  await api.store.write(async (tx) => {
    for (let at = 1; at < count; at++) {
      const resourceId = `region-${String(at).padStart(8, "0")}`;
      await tx.insert(Region, { ...one, resourceId, creation: resourceId });
    }
  });
}

test("a watcher is told of each resource that a site sends at once", async () => {
  await using api = await openApi();
  await using watcher = await watch(api, "regions?watch=true");
  await watcher.untilBookmark();
  await makeAtOnce(api, 1_000);
  await make(api, "after");
  const told = new Set<unknown>();
  for (let event = await watcher.next(); event.data.name !== "after"; event = await watcher.next()) {
    if (event.name === "created") told.add(event.data.resourceId);
  }
  expect(told.size).toBe(1_000);
});

describe("a watcher is let go", () => {
  test("when its token opens nothing any more", async () => {
    const clock = steppedClock();
    let revoked = false;
    await using api = await openApi({
      clock,
      refuse: () => (revoked ? new Fault("Unauthenticated", "the token is revoked") : undefined),
    });
    await using watcher = await watch(api, "regions?watch=true");
    await watcher.untilBookmark();
    revoked = true;
    clock.step();
    expect(await watcher.rest()).toEqual([
      { name: "error", id: undefined, data: { code: "Unauthenticated", message: "the token is revoked" } },
    ]);
  });

  test("when the server closes", async () => {
    const api = await openApi();
    const watcher = await watch(api, "regions?watch=true");
    await watcher.untilBookmark();
    await api[Symbol.asyncDispose]();
    expect(await watcher.rest()).toEqual([]);
  });

  test("when more has happened at once than is remembered, and told to begin anew", async () => {
    await using api = await openApi();
    await using watcher = await watch(api, "regions?watch=true");
    await watcher.untilBookmark();
    await makeAtOnce(api, 10_002);
    expect((await watcher.rest()).at(-1)).toMatchObject({ name: "error", data: { code: "OutOfRange" } });
  });

  test("before it begins when there are too many of one caller's", async () => {
    await using api = await openApi();
    const watchers = [];
    for (let count = 0; count < 50; count++) watchers.push(await watch(api, "regions?watch=true"));
    await using refused = await watch(api, "regions?watch=true");
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([429, "10"]);
    await using other = await watch(api, "regions?watch=true", { authorization: "Bearer reader" });
    expect(other.status).toBe(200);
    for (const watcher of watchers) await watcher[Symbol.asyncDispose]();
  });
});

test("every third look a stream shows that it is alive, with a cursor when there is a newer one", async () => {
  const clock = steppedClock();
  await using api = await openApi({ clock });
  await using watcher = await watch(api, "regions?watch=true");
  const { cursor } = await watcher.untilBookmark();
  await api.done("POST", "sites", { name: "of another kind" });
  for (let look = 0; look < 3; look++) {
    await turns();
    clock.step();
  }
  expect((await watcher.untilBookmark()).cursor).not.toBe(cursor);
});

test("machines of a site that falls silent are shown again, and when a watch goes on after that", async () => {
  const clock = steppedClock();
  let silent: readonly string[] = [];
  const situation: LookAround = () => ({
    contactOf: (site) => ({ heardAt: 1, ...(silent.includes(site) ? { silentSince: 5 } : {}) }),
    silentSites: silent,
    notices: async () => new Map(),
  });
  await using api = await openApi({ clock, situation });
  const site = await api.done("POST", "sites", { name: "Oslo" });
  await api.done("POST", "compute/hosts", { name: "away" });
  await api.done("POST", "compute/hosts", { name: "here", siteId: site.resourceId });
  await using watcher = await watch(api, "compute/hosts?watch=true");
  const { cursor } = await watcher.untilBookmark();
  silent = [String(site.resourceId)];
  await turns();
  clock.step();
  const event = await watcher.next();
  expect(event).toMatchObject({ name: "updated", data: { name: "here" } });
  expect((event.data.observation as Body).stale).toBe(true);
  await using later = await watch(api, `compute/hosts?watch=true&cursor=${cursor}`);
  expect((await later.untilBookmark()).told.split(" ").toSorted()).toEqual(["updated:away", "updated:here"]);
});

test("a hundred watchers see the same as one", async () => {
  await using api = await openApi();
  const as = [
    ["writer", ""],
    ["reader", "&match=name:north"],
  ];
  const watchers = [];
  for (const [token, more] of as) {
    for (let count = 0; count < 50; count++) {
      watchers.push(await watch(api, `regions?watch=true${more}`, { authorization: `Bearer ${token}` }));
    }
  }
  await Promise.all(watchers.map((each) => each.untilBookmark()));
  await make(api, "north");
  const events = await Promise.all(watchers.map((each) => each.next()));
  expect(new Set(events.map(({ id, name, data }) => `${id} ${name} ${String(data.name)}`)).size).toBe(1);
  for (const watcher of watchers) await watcher[Symbol.asyncDispose]();
});
