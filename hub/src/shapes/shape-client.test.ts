import { isChangeMessage, type Message, Shape, ShapeStream, type ShapeStreamOptions } from "@electric-sql/client";
import { type FeedScope, siteScope, tenantScope } from "@holdfast/protocol";
import { expect, onTestFinished, test } from "vitest";
import { startTestHub, type TestHub, type TestSite, until } from "../hub-harness.ts";
import { createReceipts } from "../receipts.ts";

/** The client was not compiled with exact optional properties. */
type ShapeInput = ConstructorParameters<typeof Shape<Row>>[0];
type Row = { scope: string; kind: string; id: string; seq: bigint; body: string };

/** The unmodified client, as a site-node uses it. */
function follow(hub: TestHub, site: TestSite, more: Partial<ShapeStreamOptions> & { scope?: FeedScope } = {}) {
  const { scope = siteScope(site.id), ...options } = more;
  const end = new AbortController();
  onTestFinished(() => end.abort());
  const messages: Message<Row>[] = [];
  const stream = new ShapeStream<Row>({
    url: `${hub.url}/v1/shape`,
    params: { table: "feed", where: "scope = $1", params: [scope] },
    headers: site.headers,
    signal: end.signal,
    backoffOptions: { initialDelay: 20, maxDelay: 100, multiplier: 2 },
    ...options,
  });
  stream.subscribe((batch) => {
    messages.push(...batch);
  });
  const changes = () => messages.filter(isChangeMessage);
  return {
    stream,
    end: () => end.abort(),
    messages,
    ids: () => changes().map(({ value }) => value.id),
    operations: () => changes().map(({ headers, value }) => `${headers.operation} ${value.id}`),
  };
}

/** Rows of the site's feed, as any part of the hub would append them. */
async function append(hub: TestHub, site: TestSite, ...rows: [id: string, body: object | null][]): Promise<void> {
  await hub.hub.store.write(async (transaction) => {
    for (const [id, body] of rows) await transaction.appendFeed(siteScope(site.id), "thing", id, body);
  });
}

const MODES = [
  { mode: "long poll", liveSse: false },
  { mode: "event stream", liveSse: true },
];

test("the client gets what there is, then hears of each change by long poll", async () => {
  await using hub = await startTestHub();
  const site = await hub.site();
  await append(hub, site, ["a", { n: 1 }], ["b", { n: 2 }], ["gone", { n: 0 }]);
  await append(hub, site, ["gone", null]);
  const follower = follow(hub, site);
  await until("the snapshot is there", () => follower.stream.isUpToDate);
  expect(follower.operations()).toEqual(["insert a", "insert b"]);

  await append(hub, site, ["a", { n: 3 }], ["c", { n: 4 }], ["b", null]);
  await until("the change is there", () => follower.ids().length === 5);
  expect(follower.operations().slice(2)).toEqual(["update a", "insert c", "delete b"]);
});

test.each(MODES)("a change reaches a waiting follower within a round trip by $mode", async ({ liveSse }) => {
  await using hub = await startTestHub();
  const site = await hub.site();
  const follower = follow(hub, site, { liveSse });
  for (let count = 1; count <= 5; count += 1) {
    await until("the follower waits", () => openRequestsOf(hub, site).then((waiting) => waiting === 1));
    await append(hub, site, [`row-${count}`, { count }]);
    await until("the row is there", () => follower.ids().length === count, 2_000);
  }
  expect(follower.ids()).toEqual(["row-1", "row-2", "row-3", "row-4", "row-5"]);
});

test("a Shape holds the rows that the feed shows", async () => {
  await using hub = await startTestHub({ pageRows: 2 });
  const site = await hub.site();
  await append(hub, site, ["a", { n: 1 }], ["b", { n: 2 }], ["c", { n: 3 }]);
  const { stream } = follow(hub, site, { liveSse: true });
  const shape = new Shape<Row>(stream as unknown as ShapeInput);
  await shape.rows;
  await append(hub, site, ["b", null], ["c", { n: 4 }], ["d", { n: 5 }]);
  const bodies = () => Object.fromEntries(shape.currentRows.map((row) => [row.id, row.body]));
  await until("the shape has the change", () => "d" in bodies());
  expect(bodies()).toEqual({ a: '{"n":1}', c: '{"n":4}', d: '{"n":5}' });
  expect(shape.currentRows.every((row) => typeof row.seq === "bigint")).toBe(true);
});

test("a snapshot of many pages is whole, whatever is written while it is read", async () => {
  await using hub = await startTestHub({ pageRows: 10 });
  const site = await hub.site();
  const ids = Array.from({ length: 95 }, (_, index) => `row-${String(index).padStart(3, "0")}`);
  await append(hub, site, ...ids.map((id): [string, object] => [id, { id }]));
  let pages = 0;
  const busyFetch: typeof fetch = async (...request) => {
    pages += 1;
    if (pages === 3) await append(hub, site, ["row-000", { later: true }], ["row-001", null], ["row-094", null]);
    return fetch(...request);
  };
  const { stream } = follow(hub, site, { fetchClient: busyFetch });
  const shape = new Shape<Row>(stream as unknown as ShapeInput);
  await until("the snapshot is there", () => shape.stream.isUpToDate && shape.currentRows.length > 0);
  await until("the shape is whole", () => shape.currentRows.length === 93);
  expect(pages).toBeGreaterThan(9);
  const rows = new Map(shape.currentRows.map((row) => [row.id, row.body]));
  expect(rows.get("row-000")).toBe('{"later":true}');
  expect([rows.has("row-001"), rows.has("row-094")]).toEqual([false, false]);
});

test.each(MODES)("a follower resumes from its stored handle and offset by $mode", async ({ liveSse }) => {
  await using hub = await startTestHub();
  const site = await hub.site();
  await append(hub, site, ["a", { n: 1 }], ["b", { n: 2 }]);
  const first = follow(hub, site, { liveSse });
  await until("the snapshot is there", () => first.stream.isUpToDate);
  const { shapeHandle: handle, lastOffset: offset } = first.stream;
  first.end();

  await append(hub, site, ["b", null], ["c", { n: 3 }]);
  await hub.restart();
  if (handle === undefined) throw new Error("no handle");
  const second = follow(hub, site, { liveSse, handle, offset });
  await until("it has caught up", () => second.stream.isUpToDate);
  expect(second.operations()).toEqual(["delete b", "insert c"]);
  await append(hub, site, ["d", { n: 4 }]);
  await until("it is live", () => second.ids().includes("d"));
});

test.each(MODES)("a follower goes on over a restart of the hub by $mode", async ({ liveSse }) => {
  await using hub = await startTestHub();
  const site = await hub.site();
  const follower = follow(hub, site, { liveSse });
  await until("it waits", () => openRequestsOf(hub, site).then((waiting) => waiting === 1));
  await hub.restart({ samePort: true });
  await append(hub, site, ["after", { n: 1 }]);
  await until("the row is there", () => follower.ids().includes("after"));
  expect(follower.messages.some(({ headers }) => headers.control === "must-refetch")).toBe(false);
});

test.each(MODES)(
  "what waits is let go when another life of the hub begins, and starts anew by $mode",
  async ({ liveSse }) => {
    await using hub = await startTestHub();
    const site = await hub.site();
    await append(hub, site, ["a", { n: 1 }]);
    const follower = follow(hub, site, { liveSse });
    await until("it waits", () => openRequestsOf(hub, site).then((waiting) => waiting === 1));
    const before = follower.stream.shapeHandle;
    await hub.hub.authority.beginEpoch();
    await until("it was told", () => follower.messages.some(({ headers }) => headers.control === "must-refetch"));
    await until("it has all again", () => follower.ids().length === 2);
    expect(follower.stream.shapeHandle).not.toBe(before);
  },
);

test("a follower below the floor starts anew, and does not keep what was deleted", async () => {
  await using hub = await startTestHub();
  const site = await hub.site();
  await append(hub, site, ["a", { n: 1 }], ["b", { n: 2 }]);
  const first = follow(hub, site);
  await until("the snapshot is there", () => first.stream.isUpToDate);
  const { shapeHandle: handle, lastOffset: offset } = first.stream;
  first.end();
  await append(hub, site, ["b", null], ["c", { n: 3 }]);
  await hub.hub.store.write(async (transaction) => {
    const { head } = await transaction.feed(siteScope(site.id), 0, 1);
    await transaction.pruneFeed(siteScope(site.id), head);
  });
  if (handle === undefined) throw new Error("no handle");
  const second = follow(hub, site, { handle, offset });
  await until("it has caught up", () => second.stream.isUpToDate);
  expect(second.messages[0]?.headers.control).toBe("must-refetch");
  expect(second.ids()).toEqual(["a", "c"]);
});

test("the rows of a tenant's scope reach all its sites", async () => {
  await using hub = await startTestHub();
  const sites = [await hub.site(), await hub.site()];
  const followers = sites.map((site) => follow(hub, site, { scope: tenantScope(site.tenant), liveSse: true }));
  for (const follower of followers) await until("the snapshot is there", () => follower.stream.isUpToDate);
  const { body } = await hub.ask("POST", "/v1/projects/default/regions", { name: "south" });
  for (const follower of followers) await until("the region is there", () => follower.ids().includes(body.resourceId));
});

test("a token that is revoked while its stream is held gets nothing more and is refused", async () => {
  await using hub = await startTestHub();
  const site = await hub.site();
  const refused: unknown[] = [];
  const follower = follow(hub, site, { liveSse: true, onError: (error) => void refused.push(error) });
  await until("it waits", () => openRequestsOf(hub, site).then((waiting) => waiting === 1));
  const [token] = (await hub.hub.tokens.list()).filter((row) => row.site === site.id);
  await hub.hub.tokens.revoke(token?.id ?? "");
  await append(hub, site, ["secret", { n: 1 }]);
  await until("it is refused", () => refused.length > 0);
  expect(refused[0]).toMatchObject({ status: 401 });
  expect(follower.ids()).toEqual([]);
});

test.each(MODES)(
  "what the hub says of how far it is reaches the subscriber unchanged by $mode (rule 7)",
  async ({ liveSse }) => {
    await using hub = await startTestHub();
    const site = await hub.site();
    await append(hub, site, ["a", { n: 1 }]);
    const follower = follow(hub, site, { liveSse });
    await until("it waits", () => openRequestsOf(hub, site).then((waiting) => waiting === 1));
    await append(hub, site, ["b", { n: 2 }]);
    await until("the row is there", () => follower.ids().includes("b"));
    const said = () =>
      follower.messages.map(({ headers }) => headers).filter(({ control }) => control === "up-to-date");
    await until("both ends were told", () => said().length >= 2);
    const receipts = await createReceipts(hub.hub.store);
    const [scope, epoch] = [siteScope(site.id), hub.hub.authority.epoch()];
    for (const headers of said()) {
      expect(headers).toMatchObject({ receipt_epoch: epoch });
      const { receipt, receipt_seq: seq } = headers as unknown as { receipt: string; receipt_seq: string };
      expect(receipts.isFeed(receipt, { scope, epoch, seq: Number(seq) })).toBe(true);
    }
    const { head } = await hub.hub.store.read((view) => view.feed(scope, 0, 1));
    expect(said().at(-1)).toMatchObject({ receipt_seq: String(head) });
  },
);

async function openRequestsOf(hub: TestHub, site: TestSite): Promise<number> {
  return (await hub.ask("GET", `/v1/projects/default/sites/${site.id}/status`)).body.openRequests;
}
