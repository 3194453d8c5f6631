import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Provider } from "@holdfast/protocol";
import { messageOf } from "@holdfast/runtime";
import { openSqlite } from "@holdfast/runtime/sqlite";
import { describe, expect, onTestFinished, test } from "vitest";
import { insert, OTHER, resource, TENANT } from "../conformance/fixture.ts";
import type { Store } from "../contract.ts";
import { openSqliteStore } from "../sqlite/open.ts";
import { neededKey, openRing, renewRing, type SecretsKey } from "./key-ring.ts";
import { sealAll, UNSEALED } from "./seal-all.ts";

const SECRET = "open-sesame-by-name";
const KEY: SecretsKey = { bytes: Buffer.alloc(32, 1), from: "--secrets-key-file one" };
const ANOTHER: SecretsKey = { bytes: Buffer.alloc(32, 2), from: "--secrets-key-file two" };

function newFile(): string {
  const folder = mkdtempSync(join(tmpdir(), "secrets-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return join(folder, "hub.db");
}

function provider(id: string, apiCredentials: readonly string[] = [SECRET], tenant = TENANT) {
  const fields = { providerKind: "PROVIDER_KIND_BAREMETAL", name: `p ${id}`, apiEndpoint: "x", apiCredentials };
  return resource(Provider, id, fields, { tenant });
}

async function fill(path: string, key: SecretsKey, count = 1): Promise<void> {
  await using(await openSqliteStore({ path, secretsKey: key }), async (store) => {
    await store.write((tx) => tx.insertTenant({ id: TENANT, name: "first" }));
    await store.write((tx) => tx.insertTenant({ id: OTHER, name: "second" }));
    for (let at = 0; at < count; at += 1) await insert(store, Provider, provider(idOf(at)));
  });
}

async function using<T>(store: Store, work: (store: Store) => Promise<T>): Promise<T> {
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

function idOf(at: number): string {
  return at.toString(16).padStart(8, "0");
}

function credentials(store: Store, id: string, tenant = TENANT): Promise<unknown> {
  return store.read(async (view) => (await view.get(Provider, tenant, `provider-${id}`))?.fields.apiCredentials);
}

/** All that the database is on the disk. */
function bytesOf(path: string): string {
  return ["", "-wal", "-shm", "-journal"]
    .map((part) => `${path}${part}`)
    .filter((file) => existsSync(file))
    .map((file) => readFileSync(file, "latin1"))
    .join("");
}

function change(path: string, work: (database: ReturnType<typeof openSqlite>) => void): void {
  const database = openSqlite(path);
  try {
    work(database);
  } finally {
    database.close();
  }
}

/** A database as a version before the keys left it: secrets in the clear, of which some are deleted. */
async function fromBefore(path: string, count: number): Promise<void> {
  await fill(path, KEY, count);
  change(path, (database) => {
    const clear = (id: string) => JSON.stringify([`${SECRET}-${id}-${"x".repeat(300)}`]);
    for (let at = 0; at < count; at += 1) {
      const id = `provider-${idOf(at)}`;
      database.prepare("update provider set api_credentials = ? where resource_id = ?").run(clear(id), id);
    }
    database.prepare("delete from provider where resource_id = ?").run(`provider-${idOf(count - 1)}`);
    database.prepare("delete from secret_key").run();
    database.prepare("insert into setting (name, value) values (?, 'yes')").run(UNSEALED);
  });
}

describe("a secret", () => {
  test("is stored sealed, and comes back as it was", async () => {
    const path = newFile();
    await fill(path, KEY);
    await using(await openSqliteStore({ path, secretsKey: KEY }), async (store) => {
      expect(await credentials(store, idOf(0))).toEqual([SECRET]);
      expect(bytesOf(path)).not.toContain(SECRET);
    });
    expect(bytesOf(path)).not.toContain(SECRET);
    expect(bytesOf(path)).toContain("sealed:1:");
  });

  test("copied onto another resource or another project does not open, and is in nobody's way", async () => {
    const path = newFile();
    await fill(path, KEY, 2);
    change(path, (database) => {
      const stolen = database.prepare("select api_credentials from provider where resource_id = ?").pluck();
      const of = stolen.get(`provider-${idOf(0)}`);
      database.prepare("update provider set api_credentials = ? where resource_id = ?").run(of, `provider-${idOf(1)}`);
      database.prepare("update provider set tenant_id = ? where resource_id = ?").run(OTHER, `provider-${idOf(0)}`);
    });
    await using(await openSqliteStore({ path, secretsKey: KEY }), async (store) => {
      await expect(credentials(store, idOf(1))).rejects.toThrow(/does not open/);
      await expect(credentials(store, idOf(0), OTHER)).rejects.toThrow(/does not open/);
      const { total } = await store.read((view) => view.list(Provider, { tenant: TENANT }));
      expect(total).toBe(1);
      await store.write((tx) => tx.delete(Provider, TENANT, `provider-${idOf(1)}`));
    });
  });

  test("that was put beside the program into the database in the clear is not taken for one", async () => {
    const path = newFile();
    await fill(path, KEY);
    change(path, (database) => {
      database.prepare("update provider set api_credentials = ?").run(JSON.stringify(["mine"]));
    });
    await using(await openSqliteStore({ path, secretsKey: KEY }), async (store) => {
      await expect(credentials(store, idOf(0))).rejects.toThrow(/does not open/);
    });
  });

  test("is neither taken nor told by a store that has no key", async () => {
    const path = newFile();
    await fill(path, KEY);
    await using(await openSqliteStore({ path }), async (store) => {
      await expect(credentials(store, idOf(0))).rejects.toThrow(/no key/);
      await expect(insert(store, Provider, provider("000000ff"))).rejects.toThrow(/no key/);
      await insert(store, Provider, provider("000000fe", []));
      expect(await credentials(store, "000000fe")).toEqual([]);
    });
  });

  test("is nothing that resources are found by", async () => {
    const store = await openSqliteStore({ path: ":memory:" });
    onTestFinished(() => store.close());
    const found = store.read((view) => view.find(Provider, { apiCredentials: SECRET }, TENANT));
    await expect(found).rejects.toThrow(/unknown field/);
  });
});

describe("the secrets key", () => {
  test("that is another is refused by its setting, and nothing changes", async () => {
    const path = newFile();
    await fill(path, KEY);
    const before = readFileSync(path);
    const refused = await openSqliteStore({ path, secretsKey: ANOTHER }).catch(messageOf);
    expect(refused).toMatch(/--secrets-key-file two holds the key [0-9a-f]{16}.*nothing was changed/);
    expect(readFileSync(path).equals(before)).toBe(true);
    await using(await openSqliteStore({ path, secretsKey: KEY }), async (store) => {
      expect(await credentials(store, idOf(0))).toEqual([SECRET]);
    });
  });

  test("may be another where it has sealed nothing", async () => {
    const path = newFile();
    await fill(path, KEY, 0);
    await (await openSqliteStore({ path, secretsKey: ANOTHER })).close();
    change(path, (database) => expect(neededKey(database)).toBeUndefined());
  });

  test("finds out that what it keeps was damaged", async () => {
    const path = newFile();
    await fill(path, KEY);
    change(path, (database) => database.prepare("update secret_key set wrapped = 'AAAA' || substr(wrapped, 5)").run());
    await expect(openSqliteStore({ path, secretsKey: KEY })).rejects.toThrow(/is damaged/);
  });
});

describe("a database from before", () => {
  test("holds no secret in the clear after the next start, not in its log nor in pages that are free", async () => {
    const path = newFile();
    await fromBefore(path, 450);
    expect(bytesOf(path)).toContain(SECRET);
    await using(await openSqliteStore({ path, secretsKey: KEY }), async (store) => {
      expect(bytesOf(path)).not.toContain(SECRET);
      const found = await credentials(store, idOf(301));
      expect(String(found)).toContain(`${SECRET}-provider-${idOf(301)}`);
    });
    expect(bytesOf(path)).not.toContain(SECRET);
    expect(readdirSync(join(path, "..")).filter((name) => !name.startsWith("hub.db"))).toEqual([]);
  });

  test("that somebody reads meanwhile is sealed, and written anew at the start after", async () => {
    const path = newFile();
    await fromBefore(path, 20);
    const reader = openSqlite(path);
    reader.exec("begin");
    reader.prepare("select count(*) from provider").get();
    await (await openSqliteStore({ path, secretsKey: KEY })).close();
    expect(bytesOf(path)).toContain(SECRET);
    reader.exec("rollback");
    reader.close();
    await (await openSqliteStore({ path, secretsKey: KEY })).close();
    expect(bytesOf(path)).not.toContain(SECRET);
  });

  test("is sealed from where a start before was broken off", async () => {
    const path = newFile();
    await fromBefore(path, 450);
    change(path, (database) => {
      const ring = openRing(database, KEY, path);
      let updates = 0;
      database.function("breaks", () => {
        updates += 1;
        if (updates > 250) throw new Error("broken off");
        return 0;
      });
      database.exec("create temp trigger breaking before update on main.provider begin select breaks(); end");
      expect(() => sealAll(database, ring)).toThrow("broken off");
    });
    await using(await openSqliteStore({ path, secretsKey: KEY }), async (store) => {
      expect(String(await credentials(store, idOf(0)))).toContain(SECRET);
      expect(String(await credentials(store, idOf(448)))).toContain(SECRET);
    });
    expect(bytesOf(path)).not.toContain(SECRET);
  });
});

describe("rotation", () => {
  test("seals all by a new key under another secrets key, also when it was broken off before", async () => {
    const path = newFile();
    await fill(path, KEY, 3);
    change(path, (database) => {
      renewRing(database, KEY, { next: ANOTHER, file: path });
      expect(database.prepare("select count(*) from secret_key").pluck().get()).toBe(2);
    });
    await expect(openSqliteStore({ path, secretsKey: KEY })).rejects.toThrow(/holds the key/);
    await using(await openSqliteStore({ path, secretsKey: ANOTHER }), async (store) => {
      expect(await credentials(store, idOf(2))).toEqual([SECRET]);
    });
    change(path, (database) => {
      const [key] = database.prepare("select id from secret_key").pluck().all();
      const stored = database.prepare("select api_credentials from provider").pluck().all();
      expect(stored.every((each) => String(each).startsWith(`sealed:1:${String(key)}:`))).toBe(true);
      expect(database.prepare("select count(*) from secret_key").pluck().get()).toBe(1);
    });
  });
});
