import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { createLog } from "@holdfast/runtime";
import { openSqlite } from "@holdfast/runtime/sqlite";
import { afterAll, expect, test, vi } from "vitest";
import { DEFAULT_LIMITS } from "./limits.ts";
import { GroupedWrites } from "./persistence/grouped-writes.ts";
import { Outgoing } from "./persistence/outgoing.ts";
import type { QueuedPacket } from "./persistence/packets.ts";
import { prepareSchema } from "./persistence/schema.ts";
import { type PersistenceOptions, SqlitePersistence } from "./persistence.ts";

const folder = mkdtempSync(join(tmpdir(), "holdfast-broker-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let files = 0;
const newPath = (): string => join(folder, `${files++}.db`);
const logged: { readonly msg: string; readonly host: string }[] = [];
const log = createLog("test", "debug", { write: (line) => void logged.push(JSON.parse(line)) });

async function open(path: string, options: Partial<PersistenceOptions["limits"]> = {}): Promise<SqlitePersistence> {
  const persistence = new SqlitePersistence({ path, log, limits: { ...DEFAULT_LIMITS, ...options } });
  await persistence.setup({ id: "this-run" });
  return persistence;
}

const client = { id: "host-0000000a" };
const queue = { clientId: client.id };
let counter = 0;

function packet(text: string | Buffer, more: Partial<QueuedPacket> = {}): QueuedPacket {
  const stamps = { brokerId: "this-run", brokerCounter: ++counter };
  const payload = Buffer.from(text);
  return { cmd: "publish", topic: "a/b", payload, qos: 1, retain: false, dup: false, ...stamps, ...more };
}

const texts = async (stream: Readable): Promise<string[]> =>
  (await stream.toArray()).map(({ payload }: { payload: unknown }) => String(payload));

test("everything is there after the file has been closed and opened again", async () => {
  const path = newPath();
  const before = await open(path);
  await before.addSubscriptions(client, [{ topic: "a/+", qos: 1 }]);
  await before.outgoingEnqueueCombi([queue], packet("queued"));
  await before.incomingStorePacket(client, packet("incoming", { qos: 2, messageId: 5 }));
  await before.storeRetained(packet("retained", { retain: true }));
  await before.putWill(client, { topic: "a/will", payload: Buffer.from("will"), qos: 1, retain: true });
  await before.destroy();

  const after = await open(path);
  expect(await after.subscriptionsByClient(client)).toEqual([{ topic: "a/+", qos: 1 }]);
  expect(await after.subscriptionsByTopic("a/b")).toEqual([{ clientId: client.id, topic: "a/+", qos: 1 }]);
  expect(await texts(after.outgoingStream(client))).toEqual(["queued"]);
  expect(await after.incomingGetPacket(client, { cmd: "publish", messageId: 5 })).toMatchObject({ topic: "a/b" });
  expect(await texts(after.createRetainedStream("a/#"))).toEqual(["retained"]);
  expect(String((await after.getWill(client))?.payload)).toBe("will");
  await after.destroy();
});

test("what a promise has resolved for is in the file before the process ends in any orderly way", async () => {
  const path = newPath();
  const persistence = await open(path);
  await persistence.outgoingEnqueue(queue, packet("queued"));
  const reader = openSqlite(path);
  expect(reader.prepare("SELECT count(*) AS n FROM outgoing").get()).toEqual({ n: 1 });
  reader.close();
  await persistence.destroy();
});

test("a full queue loses its oldest messages, which is counted, and said once", async () => {
  const persistence = await open(newPath(), { queuedMessages: 3 });
  const other = { id: "host-0000000b" };
  await persistence.outgoingEnqueue({ clientId: other.id }, packet("other"));
  for (const text of ["1", "2", "3", "4", "5"]) await persistence.outgoingEnqueue(queue, packet(text));
  expect(await texts(persistence.outgoingStream(client))).toEqual(["3", "4", "5"]);
  expect(await texts(persistence.outgoingStream(other))).toEqual(["other"]);
  expect(persistence.dropped).toBe(2);
  expect(logged.filter(({ host }) => host === client.id)).toHaveLength(1);
  await persistence.destroy();
});

test("a queue is bounded in bytes too, and keeps at least its newest", async () => {
  const persistence = await open(newPath(), { queuedBytes: 10_000 });
  for (const text of ["a", "b", "c", "d"]) await persistence.outgoingEnqueue(queue, packet(text.repeat(4_000)));
  expect((await texts(persistence.outgoingStream(client))).map((text) => text[0])).toEqual(["c", "d"]);
  await persistence.outgoingEnqueue(queue, packet("e".repeat(50_000)));
  expect((await texts(persistence.outgoingStream(client))).map((text) => text[0])).toEqual(["e"]);
  await persistence.destroy();
});

test("a message that a full queue has lost may still be sent and acknowledged", async () => {
  const persistence = await open(newPath(), { queuedMessages: 1 });
  const lost = packet("1");
  await persistence.outgoingEnqueue(queue, lost);
  await persistence.outgoingEnqueue(queue, packet("2"));
  await persistence.outgoingUpdate(client, { ...lost, messageId: 9 });
  expect(await persistence.outgoingClearMessageId(client, { cmd: "puback", messageId: 9 })).toBeUndefined();
  expect(await texts(persistence.outgoingStream(client))).toEqual(["2"]);
  await persistence.destroy();
});

test("two filters of one client that match a message queue it once", async () => {
  const persistence = await open(newPath());
  await persistence.addSubscriptions(client, [
    { topic: "a/+", qos: 1 },
    { topic: "a/#", qos: 1 },
  ]);
  const found = await persistence.subscriptionsByTopic("a/b");
  expect(found).toHaveLength(2);
  await persistence.outgoingEnqueueCombi(found, packet("once"));
  expect(await texts(persistence.outgoingStream(client))).toEqual(["once"]);
  await persistence.destroy();
});

test("what was queued in an earlier life is acknowledged in this one", async () => {
  const path = newPath();
  const before = await open(path);
  const sent = packet("before");
  await before.outgoingEnqueue(queue, sent);
  await before.outgoingUpdate(client, { ...sent, messageId: 7 });
  await before.destroy();
  const after = await open(path);
  expect(await after.outgoingClearMessageId(client, { cmd: "puback", messageId: 7 })).toMatchObject({ topic: "a/b" });
  expect(await texts(after.outgoingStream(client))).toEqual([]);
  await after.destroy();
});

test("an acknowledgement of who never had anything queued is no transaction", async () => {
  const database = openSqlite(":memory:");
  prepareSchema(database, DEFAULT_LIMITS.databaseBytes);
  const writes = new GroupedWrites(database);
  const outgoing = new Outgoing({ database, writes, limits: DEFAULT_LIMITS, log });
  const asked = vi.spyOn(writes, "add");
  expect(await outgoing.acknowledge("host-clean", 1)).toBeUndefined();
  expect(asked).not.toHaveBeenCalled();
  await outgoing.enqueue(["host-kept"], packet("x"));
  await outgoing.acknowledge("host-kept", 1);
  expect(asked).toHaveBeenCalledTimes(2);
  database.close();
});

test("a long queue is read to its end while it is being acknowledged", async () => {
  const persistence = await open(newPath(), { queuedMessages: 1_000 });
  await Promise.all(
    Array.from({ length: 200 }, (_, index) => persistence.outgoingEnqueue(queue, packet(String(index)))),
  );
  let sent = 0;
  for await (const queued of persistence.outgoingStream(client)) {
    expect(String(queued.payload)).toBe(String(sent++));
    await persistence.outgoingUpdate(client, { ...queued, messageId: sent });
    await persistence.outgoingClearMessageId(client, { cmd: "puback", messageId: sent });
  }
  expect(sent).toBe(200);
  expect(await texts(persistence.outgoingStream(client))).toEqual([]);
  await persistence.destroy();
});

test("beyond the bound on retained messages a new topic is refused, a known one replaced, and clearing makes room", async () => {
  const persistence = await open(newPath(), { retainedMessages: 2 });
  const retain = (topic: string, text: string) => persistence.storeRetained(packet(text, { topic, retain: true }));
  await retain("a", "1");
  await retain("b", "1");
  await expect(retain("c", "1")).rejects.toMatchObject({ code: "ResourceExhausted" });
  await retain("b", "2");
  expect(await texts(persistence.createRetainedStream("#"))).toEqual(["1", "2"]);
  await retain("a", "");
  await retain("c", "1");
  expect(await texts(persistence.createRetainedStream("#"))).toEqual(["2", "1"]);
  await persistence.destroy();
});

test("beyond the bound on retained bytes a longer message is refused and the former stays", async () => {
  const persistence = await open(newPath(), { retainedBytes: 5_000 });
  await persistence.storeRetained(packet("small", { retain: true }));
  await expect(persistence.storeRetained(packet(Buffer.alloc(5_000), { retain: true }))).rejects.toMatchObject({
    code: "ResourceExhausted",
  });
  expect(await texts(persistence.createRetainedStream("#"))).toEqual(["small"]);
  await persistence.destroy();
});

test("unreleased messages of QoS 2 are bounded for each client, whichever ids it uses", async () => {
  const persistence = await open(newPath(), { incomingMessages: 2 });
  for (const messageId of [1, 2, 2]) await persistence.incomingStorePacket(client, packet("x", { messageId }));
  const third = packet("x", { messageId: 3 });
  await expect(persistence.incomingStorePacket(client, third)).rejects.toMatchObject({ code: "ResourceExhausted" });
  await persistence.incomingStorePacket({ id: "host-0000000b" }, third);
  await persistence.destroy();
});

test("a database at its bound refuses to grow, loses nothing it has, and takes more when some has gone", async () => {
  const persistence = await open(newPath(), { databaseBytes: 1_000_000, queuedBytes: 1e9, queuedMessages: 1e6 });
  const big = (): QueuedPacket => packet(Buffer.alloc(100_000, "x"));
  let kept = 0;
  const full = await (async () => {
    for (; kept < 50; kept++) await persistence.outgoingEnqueue(queue, big());
  })().catch((error: unknown) => error);
  expect(full).toMatchObject({ code: "SQLITE_FULL" });
  expect(kept).toBeGreaterThan(5);
  expect(await texts(persistence.outgoingStream(client))).toHaveLength(kept);
  await persistence.purgeClient(client.id);
  await persistence.outgoingEnqueue(queue, big());
  await persistence.destroy();
});

test("a purged client has no session, queue, unreleased message or will, and others keep theirs", async () => {
  const persistence = await open(newPath());
  const other = { id: "host-0000000b" };
  for (const { id } of [client, other]) {
    await persistence.addSubscriptions({ id }, [{ topic: "a/b", qos: 1 }]);
    await persistence.outgoingEnqueue({ clientId: id }, packet("x"));
    await persistence.incomingStorePacket({ id }, packet("x", { messageId: 1 }));
    await persistence.putWill({ id }, { topic: "w", payload: "x", qos: 0, retain: false });
  }
  await persistence.purgeClient(client.id);
  expect(await persistence.subscriptionsByTopic("a/b")).toMatchObject([{ clientId: other.id }]);
  expect(await persistence.subscriptionsByClient(client)).toEqual([]);
  expect(await texts(persistence.outgoingStream(client))).toEqual([]);
  expect(await texts(persistence.outgoingStream(other))).toEqual(["x"]);
  await expect(persistence.incomingGetPacket(client, { cmd: "publish", messageId: 1 })).rejects.toThrow();
  expect(await persistence.getWill(client)).toBeUndefined();
  expect(await persistence.getWill(other)).toBeDefined();
  await persistence.destroy();
});

test("purging what is retained below one host's prefix leaves the next host's", async () => {
  const persistence = await open(newPath());
  for (const topic of ["e/v1/s/host-1/status", "e/v1/s/host-1/a/b", "e/v1/s/host-10/status", "e/v1/s/host-1"]) {
    await persistence.storeRetained(packet(topic, { topic, retain: true }));
  }
  await persistence.purgeRetained("e/v1/s/host-1/");
  expect(await texts(persistence.createRetainedStream("#"))).toEqual(["e/v1/s/host-1", "e/v1/s/host-10/status"]);
  await persistence.destroy();
});

test("a file of a newer version is not touched", async () => {
  const path = newPath();
  const newer = openSqlite(path);
  newer.pragma("user_version = 99");
  newer.close();
  expect(() => new SqlitePersistence({ path, log, limits: DEFAULT_LIMITS })).toThrow(/newer version/);
});

test("a closed store says so", async () => {
  const persistence = await open(newPath());
  await persistence.destroy();
  await expect(persistence.outgoingEnqueue(queue, packet("x"))).rejects.toThrow(/closed/);
});
