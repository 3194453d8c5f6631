import { Host } from "@holdfast/protocol";
import { expect, test } from "vitest";
import type { AuthorityListener } from "./authority.ts";
import { Harness } from "./harness.ts";

/** Keeps what it is told, as text. */
function recorder(): { listener: AuthorityListener; told: string[] } {
  const told: string[] = [];
  const listener: AuthorityListener = {
    async written(_, { kind, fields, write }) {
      told.push(`${kind.name} written by ${write.actor}: ${[...fields].sort().join()}`);
    },
    async moved(_, { kind, before, after }) {
      told.push(`${kind.name} moved ${before.owner} > ${after.owner}`);
    },
    async gone(_, { kind }) {
      told.push(`${kind.name} gone`);
    },
  };
  return { listener, told };
}

test("whoever depends on writes is told of each, of machines that change hands and of what is gone", async () => {
  const { listener, told } = recorder();
  await using hub = await Harness.open([listener]);
  const [oslo, bergen] = [await hub.site("Oslo"), await hub.site("Bergen")];
  const host = await hub.host({ siteId: oslo.resourceId });
  const instance = await hub.instance(host);
  const [here, there] = [oslo.resourceId, bergen.resourceId];
  told.splice(0);
  const by = "written by operator:alice";
  const step = async (work: Promise<unknown>) => {
    await work;
    return told.splice(0);
  };
  expect(await step(hub.set(host, { name: "b" }))).toEqual([`host ${by}: name`]);
  expect(await step(hub.edit(host, here, { field: "name", value: "b" }))).toEqual([
    "host written by operator:bob: name",
  ]);
  expect(await step(hub.set(host, { siteId: there }))).toEqual([`host ${by}: siteId`]);
  const moved = [`host moved ${here} > ${there}`, `instance moved ${here} > ${there}`];
  expect(await step(hub.release(host, here, "moved"))).toEqual(moved);
  expect(await step(hub.observe(host, there, {}))).toEqual([]);
  expect(await step(hub.remove(instance))).toEqual([`instance ${by}: desiredState`]);
  expect(await step(hub.release(instance, there, "deleted"))).toEqual(["instance gone"]);
});

test("a host that a site claims has moved to it from nobody", async () => {
  const { listener, told } = recorder();
  await using hub = await Harness.open([listener]);
  const oslo = await hub.site("Oslo");
  const host = await hub.host();
  await hub.edit(host, oslo.resourceId, { field: "siteId", value: oslo.resourceId });
  expect(told).toContain(`host moved undefined > ${oslo.resourceId}`);
});

test("one that throws undoes the write", async () => {
  const failing = { at: "" };
  const listener: AuthorityListener = {
    async written(_, { resource }) {
      if (resource.fields && (resource.fields as Record<string, unknown>).name === failing.at) throw new Error("no");
    },
  };
  await using hub = await Harness.open([listener]);
  const host = await hub.host();
  failing.at = "b";
  await expect(hub.set(host, { name: "b" })).rejects.toThrow("no");
  expect(await hub.get(host)).toEqual(host);
});

test("a write is durable at the hub, and says so once it is", async () => {
  await using hub = await Harness.open();
  const heard: unknown[] = [];
  const host = await hub.host();
  const { tenant, resourceId: id } = host;
  const asked = { actor: "operator:alice", tenant, id, durable: (held: unknown) => heard.push(held) };
  await hub.authority.update(Host, { ...asked, fields: { name: "b" } });
  await hub.authority.remove(Host, asked);
  expect(heard).toEqual([{ held: "hub" }, { held: "hub" }]);
});
