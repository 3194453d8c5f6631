import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import { expect, onTestFinished, test } from "vitest";
import type { Store } from "../store/contract.ts";
import { openSqliteStore } from "../store/sqlite/open.ts";
import { audit } from "./audit.ts";
import { canonicalJson } from "./canonical-json.ts";
import { entryOf, HUB_WIDE } from "./entry.ts";
import { auditHead, holdsHead, verifyLog } from "./verify.ts";

const BY = {
  ...{ actor: "operator:alice", token: "token-1", address: "192.0.2.7", request: "r-1" },
  ...{ waitFor: 5, durable: () => undefined },
};

async function logOf(...tenants: readonly string[]) {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-audit-"));
  const path = join(folder, "store.sqlite");
  const store = await openSqliteStore({ path });
  onTestFinished(async () => {
    await store.close();
    rmSync(folder, { recursive: true });
  });
  for (const [number, tenant] of tenants.entries()) await tell(store, tenant, `region-0000000${number + 1}`);
  return { path, store };
}

function tell(store: Store, tenant: string, id: string): Promise<void> {
  const after = { name: id, nested: { b: [1, null], a: "ü" } };
  return store.write((tx) => audit(tx, { by: BY, at: 5, tenant, kind: "region", id, operation: "create", after }));
}

/** Changes the file as somebody would who has it in their hands. */
function tamper(path: string, sql: string): void {
  const database = new Database(path);
  database.exec(`drop trigger change_log_no_update; drop trigger change_log_no_delete; ${sql}`);
  database.close();
}

test("an entry says who, by what, from where and at whose request, and nothing else of how it was asked", async () => {
  const { store } = await logOf("t");
  expect(await store.read((view) => view.changes("t", 0, 9))).toEqual([
    {
      ...{
        seq: 1,
        at: 5,
        tenant: "t",
        actor: "operator:alice",
        token: "token-1",
        address: "192.0.2.7",
        request: "r-1",
      },
      ...{ kind: "region", id: "region-00000001", operation: "create", before: null },
      after: { name: "region-00000001", nested: { b: [1, null], a: "ü" } },
    },
  ]);
});

test("whoever has an entry as it is shown can work out its hash: SHA-256 of its canonical JSON without the hash", () => {
  const change = {
    ...BY,
    seq: 2,
    at: 5,
    tenant: "t",
    kind: "region",
    id: "r",
    operation: "delete",
    wantedAt: 4,
  } as const;
  const links = { previous: "aa", previousInHub: "bb" };
  const { hash, ...told } = entryOf({ ...change, before: { b: 1, a: [] }, after: null }, links);
  const text =
    '{"actor":"operator:alice","address":"192.0.2.7","after":null,"at":"1970-01-01T00:00:00.005Z","before":{"a":[],"b":1},' +
    '"kind":"region","operation":"delete","previous":"aa","previousInHub":"bb","projectId":"t","requestId":"r-1",' +
    '"resourceId":"r","seq":2,"tokenId":"token-1","wantedAt":"1970-01-01T00:00:00.004Z"}';
  expect(canonicalJson(told)).toBe(text);
  expect(hash).toBe(createHash("sha256").update(text).digest("hex"));
});

test.each([
  [{ b: 1, a: undefined, 10: 2, 9: 3 }, '{"10":2,"9":3,"b":1}'],
  [[undefined, Number.NaN, -0, "\u0001ä"], '[null,null,0,"\\u0001ä"]'],
])("canonical JSON is what is stored of %o, its members in one order", (value, text) => {
  expect(canonicalJson(value)).toBe(text);
  expect(canonicalJson(JSON.parse(JSON.stringify(value)))).toBe(text);
});

test("the database refuses to change or to remove an entry", async () => {
  const { store } = await logOf("t");
  for (const sql of ["update change_log set actor = 'nobody' returning 1", "delete from change_log returning 1"]) {
    await expect(store.write((tx) => tx.rows(sql, []))).rejects.toThrow("only ever added to");
  }
  expect(await store.read(verifyLog)).toMatchObject({ entries: 1 });
});

test("a log that nobody has touched is whole, over all projects and the hub, also after a part was undone", async () => {
  const { store } = await logOf("t", "other", HUB_WIDE, "t");
  await store.write(async (tx) => {
    const part = tx.savepoint(async () => {
      await audit(tx, { by: BY, at: 5, kind: "user", id: "u", operation: "create" });
      throw new Error("undone");
    });
    await expect(part).rejects.toThrow("undone");
  });
  await tell(store, "other", "region-00000009");
  const head = await store.read(auditHead);
  expect(await store.read(verifyLog)).toEqual({ entries: 5, head: { seq: 5, hash: head?.hash } });
});

test.each([
  ["changed", "update change_log set actor = 'operator:bob' where seq = 3", 3],
  ["given another address", "update change_log set address = '192.0.2.8' where seq = 2", 2],
  ["made unreadable", "update change_log set after = '{' where seq = 3", 3],
  ["removed", "delete from change_log where seq = 2", 3],
  ["given to another project", "update change_log set tenant_id = 'other' where seq = 4", 4],
  ["given another hash", "update change_log set hash = 'x' where seq = 4", 4],
])("an entry that was %s is found, and which is the first that is wrong", async (_, sql, seq) => {
  const { path, store } = await logOf("t", "other", "t", "t", "t");
  tamper(path, sql);
  expect((await store.read(verifyLog)).broken).toMatchObject({ seq });
});

test("an end that was cut off is found by a head that was noted, and a head that stands is known however much follows", async () => {
  const { path, store } = await logOf("t", "t");
  const earlier = (await store.read(auditHead)) ?? { seq: 0, hash: "" };
  await tell(store, "t", "region-00000003");
  const noted = (await store.read(auditHead)) ?? { seq: 0, hash: "" };
  tamper(path, "delete from change_log where seq = 3");
  expect((await store.read(verifyLog)).broken).toBeUndefined();
  expect(await store.read((view) => holdsHead(view, noted))).toBe(false);
  expect(await store.read((view) => holdsHead(view, earlier))).toBe(true);
});

test("who listens to commits hears of one that only told the log of something", async () => {
  const { store } = await logOf();
  let heard = 0;
  store.onCommit(() => (heard += 1));
  await tell(store, HUB_WIDE, "u");
  expect(heard).toBe(1);
});
