import { Host, Region } from "@holdfast/protocol";
import { describe, expect, test } from "vitest";
import type { Inventory } from "../inventory.ts";
import { type ApiUnderTest, openApi } from "./api-under-test.ts";

async function north(api: ApiUnderTest): Promise<{ path: string; tag: string }> {
  const made = await api.ask("POST", "regions", { body: { name: "north" } });
  return { path: `regions/${String(made.body.resourceId)}`, tag: String(made.headers.etag) };
}

const tagOf = async (api: ApiUnderTest, path: string) => String((await api.ask("GET", path)).headers.etag);

describe("entity tags", () => {
  test("come with every resource that is shown alone, and change with what is shown of it", async () => {
    await using api = await openApi();
    const { path, tag } = await north(api);
    expect(tag).toMatch(/^"1-[\w-]{8}-[\w-]{16}"$/);
    expect(await tagOf(api, path)).toBe(tag);
    const changed = await api.ask("PATCH", path, { body: { name: "far north" } });
    expect(changed.headers.etag).toMatch(/^"2-/);
    expect(await tagOf(api, path)).toBe(changed.headers.etag);
    expect((await api.ask("GET", "regions")).headers.etag).toBeUndefined();
  });

  test("change with what is embedded too", async () => {
    await using api = await openApi();
    const { path } = await north(api);
    const site = await api.done("POST", "sites", { name: "Oslo", regionId: path.slice("regions/".length) });
    const before = await tagOf(api, `sites/${String(site.resourceId)}`);
    await api.done("PATCH", path, { name: "south" });
    expect(await tagOf(api, `sites/${String(site.resourceId)}`)).not.toBe(before);
  });

  test("do not change by getting older", async () => {
    let now = 1_800_000_000_000;
    const situation = () => ({
      contactOf: () => ({ heardAt: now }),
      silentSites: [],
      notices: async () => new Map(),
    });
    await using api = await openApi({
      situation,
      clock: { now: () => now, monotonic: () => now, sleep: async () => {} },
    });
    const site = await api.done("POST", "sites", { name: "Oslo" });
    const { resourceId } = await api.done("POST", "compute/hosts", { name: "h", siteId: site.resourceId });
    const path = `compute/hosts/${String(resourceId)}`;
    const report = { tenant: api.acme.id, id: String(resourceId), site: String(site.resourceId), observedAt: now };
    await api.store.write((tx) =>
      api.inventory.observeIn(tx, { ...report, kind: Host, observedGeneration: 1, fields: { hostname: "h" } }),
    );
    const [before, text] = [await tagOf(api, path), (await api.ask("GET", path)).text];
    now += 60_000;
    expect((await api.ask("GET", path)).text).not.toBe(text);
    expect(await tagOf(api, path)).toBe(before);
    await api.store.write((tx) =>
      api.inventory.observeIn(tx, { ...report, kind: Host, observedGeneration: 1, fields: { hostname: "g" } }),
    );
    const after = await tagOf(api, path);
    expect(after).not.toBe(before);
    expect((await api.ask("PATCH", path, { body: { name: "i" }, headers: { "if-match": before } })).status).toBe(200);
  });

  test("spare who has a resource already its being sent again", async () => {
    await using api = await openApi();
    const { path, tag } = await north(api);
    for (const known of [tag, `W/${tag}`, `"other", ${tag}`, "*"]) {
      const answer = await api.ask("GET", path, { headers: { "if-none-match": known } });
      expect([known, answer.status, answer.text, answer.headers.etag]).toEqual([known, 304, "", tag]);
    }
    const other = await api.ask("GET", path, { headers: { "if-none-match": '"1-other"' } });
    expect(other).toMatchObject({ status: 200, body: { name: "north" } });
  });
});

describe("If-Match", () => {
  test("lets through a change of what the caller saw, and of anything that is there", async () => {
    await using api = await openApi();
    const { path, tag } = await north(api);
    const first = await api.ask("PATCH", path, { body: { name: "a" }, headers: { "if-match": tag } });
    expect(first.status).toBe(200);
    const both = `"9-x",${String(first.headers.etag)}`;
    expect((await api.ask("PUT", path, { body: { name: "b" }, headers: { "if-match": both } })).status).toBe(200);
    expect((await api.ask("DELETE", path, { headers: { "if-match": "*" } })).status).toBe(200);
  });

  test("refuses with 412 what was made of another state, and changes nothing", async () => {
    await using api = await openApi();
    const { path, tag } = await north(api);
    await api.done("PATCH", path, { name: "south" });
    for (const ifMatch of [tag, `W/${await tagOf(api, path)}`, '"3-x"']) {
      for (const method of ["PUT", "PATCH", "DELETE"] as const) {
        const { status, body } = await api.ask(method, path, {
          ...(method === "DELETE" ? {} : { body: { name: "east" } }),
          headers: { "if-match": ifMatch },
        });
        expect([method, status, body.code]).toEqual([method, 412, "FailedPrecondition"]);
        expect(body.message).toMatch(/^If-Match: region-[0-9a-f]{8} has been changed since: generation 2 stands$/);
      }
    }
    expect(await api.done("GET", path)).toMatchObject({ name: "south", generation: 2 });
  });

  test("that is no list of entity tags is refused, naming it", async () => {
    await using api = await openApi();
    const { path } = await north(api);
    for (const ifMatch of ["7", '"7-x', '"a" "b"', "W/7"]) {
      const { status, body } = await api.ask("DELETE", path, { headers: { "if-match": ifMatch } });
      expect([ifMatch, status]).toEqual([ifMatch, 400]);
      expect(body.message).toContain("If-Match: must be");
    }
  });

  test("holds for actions on machines too", async () => {
    await using api = await openApi();
    const host = await api.ask("POST", "compute/hosts/register", { body: { name: "h", serialNumber: "SN0001" } });
    const path = `compute/hosts/${String(host.body.resourceId)}`;
    await api.done("PATCH", path, { name: "i" });
    const headers = { "if-match": String(host.headers.etag) };
    expect((await api.ask("PATCH", `${path}/onboard`, { headers })).status).toBe(412);
    expect(
      (await api.ask("PATCH", `${path}/onboard`, { headers: { "if-match": await tagOf(api, path) } })).status,
    ).toBe(200);
  });

  test.each(["PATCH", "DELETE"] as const)("is looked at again in the write itself: %s", async (method) => {
    let overtake: (() => Promise<unknown>) | undefined;
    const between = (inventory: Inventory): Inventory => ({
      store: inventory.store,
      create: (kind, request) => inventory.create(kind, request),
      update: async (kind, request) => {
        await overtake?.();
        return inventory.update(kind, request);
      },
      remove: async (kind, request) => {
        await overtake?.();
        return inventory.remove(kind, request);
      },
    });
    await using api = await openApi({ between });
    const { path, tag } = await north(api);
    const id = path.slice("regions/".length);
    overtake = () =>
      api.inventory.update(Region, { actor: "hub", tenant: api.acme.id, id, fields: { name: "overtaken" } });
    const answer = await api.ask(method, path, {
      ...(method === "DELETE" ? {} : { body: { name: "late" } }),
      headers: { "if-match": tag },
    });
    expect(answer).toMatchObject({ status: 412, body: { code: "FailedPrecondition" } });
    expect(await api.done("GET", path)).toMatchObject({ name: "overtaken" });
  });
});
