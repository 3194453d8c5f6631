import { Region } from "@holdfast/protocol";
import { describe, expect, onTestFinished, test } from "vitest";
import { type Commit, EVERY_TENANT, type Store, type Transaction } from "../contract.ts";
import { insert, type NewPlace, OTHER, openWithTenants, resource, TENANT } from "./fixture.ts";

/** Everything that a transaction can write. */
async function writeEverything(transaction: Transaction, id: string): Promise<number> {
  await transaction.insert(Region, resource(Region, id));
  await transaction.appendFeed(`tenant:${TENANT}`, "region", id, { id });
  await transaction.appendChange({
    ...{ at: 1, tenant: TENANT, actor: "operator:alice", kind: "region", id, operation: "create" },
    ...{ before: null, after: { name: id } },
  });
  await transaction.setSetting("last", id);
  await transaction.insertTenant({ id: `tenant-${id}`, name: id });
  return transaction.nextNumber("things");
}

function everything(store: Store): Promise<unknown> {
  return store.read(async (view) => ({
    regions: (await view.list(Region, { tenant: EVERY_TENANT })).resources.map((each) => each.resourceId),
    feed: await view.feed(`tenant:${TENANT}`, 0, 100),
    changes: await view.changes(TENANT, 0, 100),
    setting: await view.setting("last"),
    tenants: (await view.tenants()).length,
  }));
}

export function transactionConformance(newPlace: NewPlace): void {
  describe("transactions", () => {
    test("one that throws leaves nothing, and gives its numbers back", async () => {
      const store = await openWithTenants(newPlace);
      expect(await store.write((transaction) => writeEverything(transaction, "00000001"))).toBe(1);
      const before = await everything(store);
      const failing = store.write(async (transaction) => {
        await writeEverything(transaction, "00000002");
        throw new Error("changed my mind");
      });
      await expect(failing).rejects.toThrow("changed my mind");
      expect(await everything(store)).toEqual(before);
      expect(await store.write((transaction) => transaction.nextNumber("things"))).toBe(2);
    });

    test("a savepoint that throws undoes itself alone, and tells no listener of it", async () => {
      const store = await openWithTenants(newPlace);
      const commits: Commit[] = [];
      store.onCommit((commit) => commits.push(commit));
      await store.write(async (transaction) => {
        await writeEverything(transaction, "00000001");
        const part = transaction.savepoint(async () => {
          await transaction.appendFeed(`tenant:${OTHER}`, "region", "00000002", {});
          await transaction.savepoint(() => writeEverything(transaction, "00000003"));
          await writeEverything(transaction, "00000002");
          throw new Error("no");
        });
        await expect(part).rejects.toThrow("no");
        await transaction.savepoint(() => writeEverything(transaction, "00000004"));
      });
      expect(await everything(store)).toMatchObject({
        regions: ["region-00000001", "region-00000004"],
        setting: "00000004",
      });
      expect(commits).toHaveLength(1);
      expect(commits[0]?.changes.map((each) => each.id)).toEqual(["region-00000001", "region-00000004"]);
      expect([...(commits[0]?.scopes.keys() ?? [])]).toEqual([`tenant:${TENANT}`]);
    });

    test("after a refusal within, the rest of a transaction goes on", async () => {
      const store = await openWithTenants(newPlace);
      await store.write(async (transaction) => {
        await transaction.insert(Region, resource(Region, "00000001"));
        const taken = transaction.savepoint(() => transaction.insert(Region, resource(Region, "00000001")));
        await expect(taken).rejects.toThrow("already exists");
        await transaction.insert(Region, resource(Region, "00000002"));
      });
      const regions = await store.read((view) => view.list(Region, { tenant: EVERY_TENANT }));
      expect(regions.total).toBe(2);
    });

    test("a transaction reads its own writes, and nobody else does before it ends", async () => {
      const store = await openWithTenants(newPlace);
      const [written, release] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
      const found = () => store.read((view) => view.get(Region, TENANT, "region-00000001"));
      const writing = store.write(async (transaction) => {
        await transaction.insert(Region, resource(Region, "00000001"));
        expect(await transaction.get(Region, TENANT, "region-00000001")).toBeDefined();
        written.resolve();
        await release.promise;
      });
      await written.promise;
      // A store may also keep readers waiting for the end.
      const early = await Promise.race([found(), sleep(100, "waits")]);
      expect([undefined, "waits"]).toContain(early);
      release.resolve();
      await writing;
      expect(await found()).toBeDefined();
    });

    test("a read sees one moment, whatever is written meanwhile", async () => {
      const store = await openWithTenants(newPlace);
      const begun = Promise.withResolvers<void>();
      const writing = begun.promise.then(() => insert(store, Region, resource(Region, "00000001")));
      const totals = await store.read(async (view) => {
        const before = await view.list(Region, { tenant: EVERY_TENANT });
        begun.resolve();
        await Promise.race([writing, sleep(100, undefined)]);
        return [before.total, (await view.list(Region, { tenant: EVERY_TENANT })).total];
      });
      expect(totals).toEqual([0, 0]);
      await writing;
      expect((await store.read((view) => view.list(Region, { tenant: EVERY_TENANT }))).total).toBe(1);
    });

    test("writes run one at a time, in the order asked", async () => {
      const store = await openWithTenants(newPlace);
      const order: string[] = [];
      const writes = ["a", "b", "c"].map((name) =>
        store.write(async (transaction) => {
          order.push(`${name} begins`);
          await transaction.setSetting(name, name);
          await sleep(1, undefined);
          order.push(`${name} ends`);
        }),
      );
      await Promise.all(writes);
      expect(order).toEqual(["a", "b", "c"].flatMap((name) => [`${name} begins`, `${name} ends`]));
    });

    test("a read or write inside another is refused, and a later one started there is not", async () => {
      const store = await openWithTenants(newPlace);
      const later = Promise.withResolvers<void>();
      let after: Promise<number> = Promise.resolve(0);
      await store.write(async () => {
        await expect(store.write(async () => 1)).rejects.toThrow("inside a write");
        await expect(store.read(async () => 1)).rejects.toThrow("inside a write");
        after = later.promise.then(() => store.write(async () => 2));
      });
      later.resolve();
      expect(await after).toBe(2);
      await store.read(async () => {
        await expect(store.write(async () => 1)).rejects.toThrow("inside a read");
      });
    });

    test("a view or transaction that outlives its end is refused", async () => {
      const store = await openWithTenants(newPlace);
      const transaction = await store.write(async (each) => each);
      await expect(transaction.setSetting("late", "1")).rejects.toThrow("after its end");
      const view = await store.read(async (each) => each);
      await expect(view.setting("late")).rejects.toThrow("after its end");
    });

    test("a sequence counts from 1, in steps as asked", async () => {
      const store = await openWithTenants(newPlace);
      await store.write(async (transaction) => {
        expect(await transaction.nextNumber("a")).toBe(1);
        expect(await transaction.nextNumber("a", 10)).toBe(2);
        expect(await transaction.nextNumber("a")).toBe(12);
        expect(await transaction.nextNumber("b")).toBe(1);
      });
    });

    test("what was committed is there after closing and opening again", async () => {
      const place = newPlace();
      const first = await place.open();
      await first.write(async (transaction) => {
        await transaction.insertTenant({ id: TENANT, name: "first" });
        await writeEverything(transaction, "00000001");
      });
      const before = await everything(first);
      await first.close();
      const second = await place.open();
      onTestFinished(() => second.close());
      expect(await everything(second)).toEqual(before);
      expect(await second.write((transaction) => transaction.nextNumber("things"))).toBe(2);
    });

    test("a closed store refuses, and closing twice does nothing", async () => {
      const store = await newPlace().open();
      const running = store.write((transaction) => transaction.setSetting("a", "1"));
      await store.close();
      await running;
      await store.close();
      await expect(store.read(async () => 1)).rejects.toThrow("closed");
      await expect(store.write(async () => 1)).rejects.toThrow("closed");
    });
  });

  describe("listeners to commits", () => {
    test("hear of each commit once it is durable, with what it changed and how far its feeds have got", async () => {
      const store = await openWithTenants(newPlace);
      const heard: Commit[] = [];
      const stop = store.onCommit((commit) => heard.push(commit));
      const last = await store.write(async (transaction) => {
        await transaction.insert(Region, resource(Region, "00000001"));
        await transaction.appendFeed(`tenant:${TENANT}`, "region", "region-00000001", {});
        const seq = await transaction.appendFeed(`tenant:${TENANT}`, "region", "region-00000001", { v: 2 });
        expect(heard).toEqual([]);
        return seq;
      });
      const change = { kind: "region", tenant: TENANT, id: "region-00000001" };
      expect(heard).toEqual([{ scopes: new Map([[`tenant:${TENANT}`, last]]), changes: [change] }]);
      await store.write((transaction) => transaction.delete(Region, TENANT, "region-00000001"));
      expect(heard[1]).toEqual({ scopes: new Map(), changes: [change] });
      stop();
      await insert(store, Region, resource(Region, "00000002"));
      expect(heard).toHaveLength(2);
    });

    test("hear nothing of what failed, of reads, and of commits that changed nothing they could want", async () => {
      const store = await openWithTenants(newPlace);
      const heard: Commit[] = [];
      store.onCommit((commit) => heard.push(commit));
      await store.write((transaction) => transaction.delete(Region, TENANT, "region-00000009"));
      await store.write((transaction) => transaction.setSetting("a", "1"));
      await store.read((view) => view.tenants());
      const failing = store.write(async (transaction) => {
        await transaction.insert(Region, resource(Region, "00000001"));
        throw new Error("no");
      });
      await expect(failing).rejects.toThrow("no");
      expect(heard).toEqual([]);
    });

    test("one that throws harms neither the write nor the others; one may write at once", async () => {
      const store = await openWithTenants(newPlace);
      store.onCommit(() => {
        throw new Error("broken listener");
      });
      const written = Promise.withResolvers<void>();
      store.onCommit((commit) => {
        if (commit.changes[0]?.kind !== Region.name) return;
        store.write((transaction) => transaction.setSetting("heard", "yes")).then(written.resolve, written.reject);
      });
      await insert(store, Region, resource(Region, "00000001"));
      await written.promise;
      expect(await store.read((view) => view.setting("heard"))).toBe("yes");
    });
  });

  describe("the history of changes", () => {
    test("is kept by tenant, in order, and never holds a secret", async () => {
      const store = await openWithTenants(newPlace);
      const change = { at: 5, actor: "operator:alice", kind: "provider", id: "provider-00000001" };
      const after = { name: "Acme", apiCredentials: ["s3cret"] };
      const [first, , third] = await store.write(async (transaction) => [
        await transaction.appendChange({ ...change, tenant: TENANT, operation: "create", before: null, after }),
        await transaction.appendChange({ ...change, tenant: OTHER, operation: "create", before: null, after }),
        await transaction.appendChange({ ...change, tenant: TENANT, operation: "delete", before: after, after: null }),
      ]);
      const common = { ...change, tenant: TENANT };
      const shown = { name: "Acme" };
      expect(await store.read((view) => view.changes(TENANT, 0, 10))).toEqual([
        { ...common, seq: first, operation: "create", before: null, after: shown },
        { ...common, seq: third, operation: "delete", before: shown, after: null },
      ]);
      expect(await store.read((view) => view.changes(TENANT, first ?? 0, 10))).toHaveLength(1);
      expect(await store.read((view) => view.changes(TENANT, 0, 1))).toHaveLength(1);
    });

    test("knows each write that it tells of, by tenant, from the moment on that it is written", async () => {
      const store = await openWithTenants(newPlace);
      const change = { at: 5, actor: "operator:alice", kind: "region", id: "region-00000001", before: {}, after: {} };
      const knows = (tenant: string, write: string) => store.read((view) => view.knowsWrite(tenant, write));
      expect(await knows(TENANT, "w1")).toBe(false);
      const seq = await store.write(async (transaction) => {
        const appended = await transaction.appendChange({
          ...change,
          tenant: TENANT,
          operation: "update",
          write: "w1",
        });
        expect(await transaction.knowsWrite(TENANT, "w1")).toBe(true);
        return appended;
      });
      expect([await knows(TENANT, "w1"), await knows(OTHER, "w1"), await knows(TENANT, "w2")]).toEqual([
        true,
        false,
        false,
      ]);
      expect(await store.read((view) => view.changes(TENANT, 0, 1))).toEqual([
        { ...change, tenant: TENANT, seq, operation: "update", write: "w1" },
      ]);
    });
  });
}

function sleep<T>(milliseconds: number, value: T): Promise<T> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds, value));
}
