import { Host } from "@holdfast/protocol";
import { describe, expect, test } from "vitest";
import type { View } from "../store/contract.ts";
import { type ApiUnderTest, type Body, openApi } from "./api-under-test.ts";

const SHA = "a".repeat(64);

async function refusal(api: ApiUnderTest, ...[method, path, body]: Parameters<ApiUnderTest["done"]>): Promise<string> {
  const answer = await api.ask(method, path, { body });
  expect([answer.status, answer.body.code]).toEqual([400, "InvalidArgument"]);
  return String(answer.body.message);
}

/** north > oslo > site > host with an instance. */
async function installed(api: ApiUnderTest) {
  const north = await api.done("POST", "regions", { name: "north", metadata: [{ key: "country", value: "no" }] });
  const metadata = [{ key: "city", value: "oslo" }];
  const oslo = await api.done("POST", "regions", { name: "oslo", parentId: north.resourceId, metadata });
  const site = await api.done("POST", "sites", {
    name: "harbour",
    regionId: oslo.resourceId,
    metadata: [{ key: "city", value: "harbour" }],
  });
  const host = await api.done("POST", "compute/hosts", { name: "h1", siteId: site.resourceId });
  const os = await api.done("POST", "compute/os", { name: "debian", sha256: SHA });
  const instance = await api.done("POST", "compute/instances", { hostID: host.resourceId, osID: os.resourceId });
  return { north, oslo, site, host, os, instance };
}

describe("every collection", () => {
  test("answers at each of its paths, and lists by its own key", async () => {
    await using api = await openApi();
    const lists: readonly (readonly [string, string])[] = [
      ["compute/hosts", "hosts"],
      ["compute/instances", "instances"],
      ["compute/os", "OperatingSystemResources"],
      ["compute/operating_systems", "OperatingSystemResources"],
      ["regions", "regions"],
      ["sites", "sites"],
      ["regions/region/sites", "sites"],
      ["regions//sites", "sites"],
      ["providers", "providers"],
      ["localAccounts", "localAccounts"],
      ["customConfigs", "customConfigs"],
      ["os-update-policies", "osUpdatePolicies"],
      ["os_update_policy", "osUpdatePolicies"],
      ["workloads", "workloads"],
      ["compute/workloads", "workloads"],
    ];
    for (const [path, key] of lists) {
      expect([path, await api.done("GET", path)]).toEqual([path, { [key]: [], totalElements: 0, hasNext: false }]);
    }
  });

  test("creates, shows, replaces, changes and deletes, always with 200 and JSON", async () => {
    await using api = await openApi();
    const made = await api.ask("POST", "regions", { body: { name: "a" } });
    expect(made.status).toBe(200);
    const path = `regions/${String(made.body.resourceId)}`;
    expect(await api.done("PUT", path, { name: "b", metadata: [{ key: "k", value: "v" }] })).toMatchObject({
      name: "b",
    });
    expect(await api.done("PATCH", path, { name: "c" })).toMatchObject({ name: "c", metadata: [{ key: "k" }] });
    expect(await api.done("GET", path)).toMatchObject({ name: "c", regionID: made.body.resourceId });
    const deleted = await api.ask("DELETE", path);
    expect([deleted.status, deleted.text]).toEqual([200, "{}"]);
    expect(String(deleted.headers["content-type"])).toContain("json");
    expect(await api.ask("GET", path)).toMatchObject({
      status: 404,
      text: '{"code":"NotFound","message":"region_resource not found"}',
    });
  });

  test("tells an id of nobody's from one that is absent", async () => {
    await using api = await openApi();
    const collections = [
      ["compute/hosts", "host", "host_resource not found"],
      ["compute/instances", "inst", "instance_resource not found"],
      ["compute/os", "os", "operating_system_resource not found"],
      ["regions", "region", "region_resource not found"],
      ["regions/empty/sites", "site", "site_resource not found"],
    ] as const;
    for (const [path, prefix, message] of collections) {
      for (const [method, body] of [["GET"], ["PUT", {}], ["PATCH", {}], ["DELETE"]] as const) {
        const whole = method === "PUT" ? { name: "x", sha256: SHA } : body;
        const put = method === "PUT" && prefix === "inst" ? { hostID: "host-00000001", osID: "os-00000001" } : whole;
        const only = method === "PUT" && prefix !== "os" && prefix !== "inst" ? { name: "x" } : put;
        for (const id of [`${prefix}-00000001`, `${prefix}-111`, "workload-00000001"]) {
          const answer = await api.ask(method, `${path}/${id}`, { body: only });
          expect([path, method, id, answer.status, answer.body.message]).toEqual([path, method, id, 404, message]);
        }
        const unknown = await api.ask(method, `${path}/nothing-00000001`, { body: only });
        expect([path, method, unknown.status, unknown.body.code]).toEqual([path, method, 400, "InvalidArgument"]);
      }
    }
  });
});

describe("a list", () => {
  async function withRegions(count: number): Promise<ApiUnderTest> {
    const api = await openApi();
    for (let index = 0; index < count; index++) await api.done("POST", "regions", { name: `r${index % 10}` });
    return api;
  }

  test("is whole unless a page is asked for, for some clients ask once; a page says whether there are more", async () => {
    await using api = await withRegions(205);
    const all = await api.done("GET", "regions?offset=2");
    const ids = (all.regions as Body[]).map(({ resourceId }) => resourceId);
    expect([new Set(ids).size, ids, all.totalElements, all.hasNext]).toEqual([203, ids.toSorted(), 205, false]);
    const first = await api.done("GET", "regions?pageSize=20");
    expect([(first.regions as Body[]).length, first.totalElements, first.hasNext]).toEqual([20, 205, true]);
    const exact = await api.done("GET", "regions?pageSize=5&offset=200");
    expect([(exact.regions as Body[]).length, exact.hasNext]).toEqual([5, false]);
  });

  test("is in the order asked for", async () => {
    await using api = await withRegions(10);
    const { regions } = await api.done("GET", "regions?orderBy=name%20desc&pageSize=3");
    expect((regions as Body[]).map(({ name }) => name)).toEqual(["r9", "r8", "r7"]);
  });

  test("is narrowed by a filter, which sees what a resource refers to", async () => {
    await using api = await openApi();
    const { north, oslo, site, host } = await installed(api);
    const found = async (path: string, filter: string) =>
      (await api.done("GET", `${path}?filter=${encodeURIComponent(filter)}`)).totalElements;
    expect(await found("compute/hosts", `name='H' AND site.resourceId='${String(site.resourceId)}'`)).toBe(1);
    const above = `site.region.resource_id='${String(north.resourceId)}' OR site.region.parent_region.resource_id='${String(north.resourceId)}'`;
    expect(await found("compute/hosts", above)).toBe(1);
    expect(await found("regions", `parent_region.resource_id="${String(north.resourceId)}"`)).toBe(1);
    expect(await found("compute/instances", `host.resourceId="${String(host.resourceId)}" AND os.name="deb"`)).toBe(1);
    expect(await found("compute/hosts", "NOT has(site)")).toBe(0);
    expect(await found("compute/hosts", "has(instance) AND instance.desired_state=INSTANCE_STATE_RUNNING")).toBe(1);
    expect(await found("compute/hosts", "instance = null OR instance.os.name='windows'")).toBe(0);
    expect(await found("regions", `name="${String(oslo.name)}" OR resourceId="${String(north.resourceId)}"`)).toBe(2);
    expect(await found("compute/hosts", "uuid = null AND desiredState=HOST_STATE_ONBOARDED")).toBe(1);
    expect(await found("compute/hosts", "hostStatus=''")).toBe(1);
    expect(await found("compute/hosts", "hostStatus!='' OR instance.instance_status!=''")).toBe(0);
  });

  test.each([
    ["pageSize=0", "pageSize: must be between 1 and 100"],
    ["pageSize=101", "pageSize: must be between 1 and 100"],
    ["pageSize=1e1", "pageSize: must be a whole number"],
    ["offset=-1", "offset: must be between 0 and 10000"],
    ["offset=10001", "offset: must be between 0 and 10000"],
    ["pageSize=", "pageSize: is empty"],
    ["filter=", "filter: is empty"],
    ["orderBy=", "orderBy: is empty"],
    ["pageSize=1&pageSize=2", "pageSize: is there twice"],
    ["filter=nothing%3D1", 'filter: unknown field "nothing" at position 1'],
    ["orderBy=nothing", 'orderBy: unknown field "nothing"'],
    ["showTotalSites=yes", "showTotalSites: must be true or false"],
  ])("is refused with %s", async (query, message) => {
    await using api = await openApi();
    expect(await refusal(api, "GET", `regions?${query}`)).toBe(message);
  });

  test("reads the same number of times for two resources and for twenty", async () => {
    const reads: string[] = [];
    const counting = (view: View): View =>
      new Proxy(view, {
        get: (target, name) => {
          const value: unknown = Reflect.get(target, name);
          if (typeof value !== "function") return value;
          return (...parameters: unknown[]) => {
            reads.push(String(name));
            return value.apply(target, parameters);
          };
        },
      });
    await using api = await openApi({
      between: (inventory) => {
        const { store } = inventory;
        const counted = { read: <T>(work: (view: View) => Promise<T>) => store.read((view) => work(counting(view))) };
        return {
          store: {
            ...counted,
            write: store.write.bind(store),
            onCommit: store.onCommit.bind(store),
            writtenElsewhere: () => store.writtenElsewhere(),
            tend: () => store.tend(),
            close: store.close.bind(store),
          },
          create: inventory.create.bind(inventory),
          update: inventory.update.bind(inventory),
          remove: inventory.remove.bind(inventory),
        };
      },
    });
    const { os, site } = await installed(api);
    for (let index = 0; index < 24; index++) {
      const region = await api.done("POST", "regions", { name: `r${index}` });
      const at = index % 2 ? site : await api.done("POST", "sites", { regionId: region.resourceId });
      const host = await api.done("POST", "compute/hosts", { name: `x${index}`, siteId: at.resourceId });
      await api.done("POST", "compute/instances", { hostID: host.resourceId, osID: os.resourceId });
    }
    for (const path of ["compute/hosts", "compute/instances", "sites", "regions"]) {
      const readsOf = async (query: string) => {
        reads.length = 0;
        await api.done("GET", `${path}?${query}`);
        return reads.length;
      };
      const two = await readsOf("pageSize=2&showTotalSites=true");
      const twenty = await readsOf("pageSize=20&showTotalSites=true");
      expect([path, twenty]).toEqual([path, expect.toSatisfy((count: number) => count <= two + 2 && count < 12)]);
    }
  });
});

describe("an answer", () => {
  test("shows what nobody knows as the defaults of its types, with no key missing but those that no default fits", async () => {
    await using api = await openApi();
    const host = await api.done("POST", "compute/hosts", { name: "h" });
    expect(host).toMatchObject({
      uuid: "",
      siteId: "",
      site: null,
      instance: null,
      provider: null,
      memoryBytes: "0",
      cpuCores: 0,
      hostNics: [],
      metadata: [],
      inheritedMetadata: [],
      bmcKind: "BAREMETAL_CONTROLLER_KIND_UNSPECIFIED",
      hostStatus: "Not Connected",
      hostStatusIndicator: "STATUS_INDICATION_UNSPECIFIED",
      hostStatusTimestamp: 0,
    });
    const document = await api.done("GET", "/openapi.json");
    const { schemas } = document.components as { schemas: Record<string, { properties: Body }> };
    const absent = ["uuidDerived", "observation", "observedGeneration", "misplaced", "openConflicts", "note"];
    const declared = Object.keys(schemas.HostResource?.properties ?? {}).filter((name) => !absent.includes(name));
    expect(Object.keys(host).sort()).toEqual(declared.sort());
    for (const name of absent) expect(host).not.toHaveProperty(name);
  });

  test("shows what a site observed, with the site and the age", async () => {
    let now = Date.parse("2026-11-23T08:00:00Z");
    const clock = { now: () => now, monotonic: () => now, sleep: async () => {} };
    await using api = await openApi({ clock });
    const { host, site } = await installed(api);
    await api.store.write(async (tx) => {
      const kind = Host;
      const standing = await tx.get(kind, api.acme.id, String(host.resourceId));
      if (!standing) throw new Error("no host");
      const nics = [{ deviceName: "eth0", ipaddresses: [{ address: "10.0.0.1/24" }] }];
      const fields = { ...standing.fields, memoryBytes: "17179869184", hostNics: nics, uuidDerived: true };
      await tx.replace(kind, {
        ...standing,
        fields,
        observedAt: now,
        observedBy: String(site.resourceId),
        observedGeneration: 1,
      });
    });
    now += 61_500;
    expect(await api.done("GET", `compute/hosts/${String(host.resourceId)}`)).toMatchObject({
      memoryBytes: "17179869184",
      uuidDerived: true,
      observedGeneration: 1,
      observation: { site: site.resourceId, at: "2026-11-23T08:00:00.000Z", ageSeconds: 61 },
      hostNics: [
        {
          deviceName: "eth0",
          sriovEnabled: false,
          linkState: null,
          timestamps: null,
          ipaddresses: [{ address: "10.0.0.1/24", status: "IP_ADDRESS_STATUS_UNSPECIFIED", timestamps: null }],
        },
      ],
      timestamps: { createdAt: "2026-11-23T08:00:00.000Z", updatedAt: "2026-11-23T08:00:00.000Z" },
    });
  });

  test("embeds what a resource refers to, all the way up, and a host its instance but not each other for ever", async () => {
    await using api = await openApi();
    const { host, instance, site, oslo, north, os } = await installed(api);
    const shown = await api.done("GET", `compute/hosts/${String(host.resourceId)}`);
    const regions = {
      name: "oslo",
      resourceId: oslo.resourceId,
      parentRegion: { resourceId: north.resourceId, parentRegion: { name: "", parentId: "", parentRegion: null } },
    };
    expect(shown).toMatchObject({
      siteId: site.resourceId,
      site: { siteID: site.resourceId, regionId: oslo.resourceId, region: regions },
      instance: { instanceID: instance.resourceId, hostID: host.resourceId, os: { osResourceID: os.resourceId } },
    });
    expect(shown.instance).not.toHaveProperty("host");
    const turned = await api.done("GET", `compute/instances/${String(instance.resourceId)}`);
    expect(turned).toMatchObject({
      host: { resourceId: host.resourceId, site: { region: regions } },
      workloadMembers: [],
    });
    expect(turned.host).not.toHaveProperty("instance");
    const [listed] = (await api.done("GET", "compute/hosts")).hosts as Body[];
    expect(listed).toEqual(shown);
  });

  test("inherits metadata from site and regions, the nearer winning, without its own keys", async () => {
    await using api = await openApi();
    const { host, oslo } = await installed(api);
    const country = { key: "country", value: "no" };
    expect(await api.done("GET", `regions/${String(oslo.resourceId)}`)).toMatchObject({ inheritedMetadata: [country] });
    const path = `compute/hosts/${String(host.resourceId)}`;
    expect((await api.done("GET", path)).inheritedMetadata).toEqual([{ key: "city", value: "harbour" }, country]);
    const changed = await api.done("PATCH", path, { metadata: [{ key: "city", value: "mine" }] });
    expect(changed.inheritedMetadata).toEqual([country]);
  });

  test("counts a region's sites and those of the regions below it", async () => {
    await using api = await openApi();
    const { north, oslo } = await installed(api);
    await api.done("POST", `regions/${String(north.resourceId)}/sites`, { name: "second" });
    const totals = { [String(north.resourceId)]: 2, [String(oslo.resourceId)]: 1 };
    for (const [id, total] of Object.entries(totals)) {
      expect(await api.done("GET", `regions/${id}`)).toMatchObject({ totalSites: total });
    }
    const { regions } = await api.done("GET", "regions?showTotalSites=true");
    expect(Object.fromEntries((regions as Body[]).map((each) => [each.resourceId, each.totalSites]))).toEqual(totals);
    const quick = (await api.done("GET", "regions")).regions as Body[];
    expect(quick.map(({ totalSites }) => totalSites)).toEqual([0, 0]);
  });

  test("never holds a secret", async () => {
    await using api = await openApi();
    const provider = {
      name: "p",
      providerKind: "PROVIDER_KIND_BAREMETAL",
      apiEndpoint: "x",
      apiCredentials: ["hunter2"],
    };
    const { resourceId } = await api.done("POST", "providers", provider);
    for (const path of [`providers/${String(resourceId)}`, "providers"]) {
      expect((await api.ask("GET", path)).text).not.toMatch(/hunter2|apiCredentials/);
    }
  });
});

describe("sites under a region's path", () => {
  test("are all sites, whatever the path says", async () => {
    await using api = await openApi();
    const { site } = await installed(api);
    for (const region of ["region", "region-ffffffff"]) {
      expect(await api.done("GET", `regions/${region}/sites`)).toMatchObject({ totalElements: 1 });
      expect(await api.done("GET", `regions/${region}/sites/${String(site.resourceId)}`)).toMatchObject({
        name: "harbour",
      });
    }
  });

  test("are narrowed by a region asked for in the query", async () => {
    await using api = await openApi();
    const { oslo, north } = await installed(api);
    expect(await api.done("GET", `sites?regionId=${String(oslo.resourceId)}`)).toMatchObject({ totalElements: 1 });
    expect(await api.done("GET", `sites?regionId=${String(north.resourceId)}`)).toMatchObject({ totalElements: 0 });
  });

  test("are made in that region, unless the body names one or the path is no region", async () => {
    await using api = await openApi();
    const { north, oslo } = await installed(api);
    const path = `regions/${String(north.resourceId)}/sites`;
    expect(await api.done("POST", path, { name: "s" })).toMatchObject({ regionId: north.resourceId });
    expect(await api.done("POST", path, { regionId: oslo.resourceId })).toMatchObject({ regionId: oslo.resourceId });
    expect(await api.done("POST", "regions/region/sites", { name: "s" })).toMatchObject({
      regionId: "",
      region: { name: "" },
    });
    const absent = await api.ask("POST", "regions/region-ffffffff/sites", { body: { name: "s" } });
    expect(absent).toMatchObject({
      status: 400,
      body: { message: expect.stringContaining("region_resource not found") },
    });
  });
});
