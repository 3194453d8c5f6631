import { Host } from "@holdfast/protocol";
import { describe, expect, test } from "vitest";
import { type ApiUnderTest, type Body, openApi } from "./api-under-test.ts";

const SHA = "a".repeat(64);
const UUID = "00000000-0000-4000-8000-000000000001";

async function refusal(api: ApiUnderTest, ...[method, path, body]: Parameters<ApiUnderTest["done"]>): Promise<string> {
  const answer = await api.ask(method, path, { body });
  expect([answer.status, answer.body.code]).toEqual([400, "InvalidArgument"]);
  return String(answer.body.message);
}

describe("a body is refused, naming the field, when it has", () => {
  const metadata = (...items: unknown[]) => ({ name: "x", metadata: items });
  const refused: readonly (readonly [string, string, Body, string])[] = [
    ["a wrong type", "regions", { name: 1 }, "name: must be a text"],
    ["a text for a number", "sites", { siteLat: "1" }, "siteLat: must be a whole number"],
    ["a fraction", "sites", { siteLat: 1.5 }, "siteLat: must be a whole number"],
    ["too large a number", "sites", { siteLat: 900_000_001 }, "siteLat: must be between -900000000 and 900000000"],
    ["too small a number", "sites", { siteLat: -900_000_001 }, "siteLat: must be between -900000000 and 900000000"],
    ["too long a text", "regions", { name: "x".repeat(51) }, "name: must not be longer than 50 characters"],
    ["too short a text", "compute/os", { sha256: "a" }, "sha256: must not be shorter than 64 characters"],
    ["a text out of pattern", "regions", { name: "x;" }, "name: must match ^$|^[a-zA-Z-_0-9./: ]+$"],
    [
      "a pattern written for another engine",
      "compute/os",
      { sha256: SHA, profileName: "a~" },
      "profileName: must match",
    ],
    [
      "an unknown enumeration value",
      "compute/os",
      { sha256: SHA, osType: "OS_TYPE_NEW" },
      "osType: must be one of OS_TYPE_UNSPECIFIED, OS_TYPE_MUTABLE, OS_TYPE_IMMUTABLE",
    ],
    ["no list where one belongs", "regions", { metadata: {} }, "metadata: must be a list"],
    ["an empty list where a text belongs", "sites", { regionId: [] }, "regionId: must be a text"],
    ["no object where one belongs", "regions", metadata("x"), "metadata[0]: must be an object"],
    [
      "a wrong member",
      "regions",
      metadata({ key: "a", value: "b" }, { key: "A", value: "b" }),
      "metadata[1].key: must match",
    ],
    ["a member without what it needs", "regions", metadata({ key: "a" }), "metadata[0].value: is needed"],
    [
      "a member with an unknown field",
      "regions",
      metadata({ key: "a", value: "b", x: 1 }),
      "metadata[0].x: unknown field",
    ],
    [
      "a key twice",
      "regions",
      metadata({ key: "a", value: "b" }, { key: "a", value: "c" }),
      'metadata[1].key: "a" is there twice',
    ],
    [
      "too many members",
      "regions",
      metadata(...Array.from({ length: 101 }, (_, n) => ({ key: `k${n}`, value: "v" }))),
      "metadata: must not have more than 100 members",
    ],
    ["an unknown field", "regions", { name: "x", nmae: "y" }, "nmae: unknown field"],
    ["a name of every object", "regions", { constructor: "y" }, "constructor: unknown field"],
    ["the hidden id of a reference", "sites", { providerId: "provider-00000001" }, "providerId: unknown field"],
    ["nothing of what it needs", "compute/os", {}, "sha256: is needed"],
    ["null for what it needs", "compute/os", { sha256: null }, "sha256: is needed"],
    ["an empty id for what it needs", "compute/instances", { hostID: "", osID: "os-00000001" }, "hostID: must match"],
    ["an id of another kind", "compute/hosts", { name: "h", siteId: "host-00000001" }, "siteId: must match"],
    ["an observation", "compute/hosts", { name: "h", hostname: "x" }, "hostname: is read-only, and not what stands"],
    ["an id of its own", "regions", { resourceId: "region-00000001" }, "resourceId: is read-only, and not what stands"],
    [
      "a state that only actions set",
      "compute/hosts",
      { name: "h", desiredState: "HOST_STATE_DELETED" },
      "desiredState: is read-only",
    ],
    ["an embedded resource", "sites", { region: { resourceId: "region-00000001" } }, "region: is read-only"],
  ];

  test.each(refused)("%s", async (_title, path, body, message) => {
    await using api = await openApi();
    expect(await refusal(api, "POST", path, body)).toContain(message);
    expect(await api.done("GET", path)).toMatchObject({ totalElements: 0 });
  });
});

describe("creating", () => {
  test("keeps a name that ends as an enumeration's first value does", async () => {
    await using api = await openApi();
    expect(await api.done("POST", "regions", { name: "R_UNSPECIFIED" })).toMatchObject({ name: "R_UNSPECIFIED" });
  });

  test("takes empty texts for optional references and ids as none", async () => {
    await using api = await openApi();
    const host = await api.done("POST", "compute/hosts", { name: "", uuid: "", siteId: "", metadata: [] });
    const os = await api.done("POST", "compute/os", { sha256: SHA, name: "" });
    const ids = { hostID: host.resourceId, osID: os.resourceId };
    const none = { localAccountID: "", osUpdatePolicyID: null, customConfigID: [] };
    expect(await api.done("POST", "compute/instances", { ...ids, ...none })).toMatchObject({
      ...ids,
      desiredState: "INSTANCE_STATE_RUNNING",
      localaccount: null,
    });
  });

  test("wants a host onboarded and switched on, in order, unless the body says otherwise", async () => {
    await using api = await openApi();
    expect(await api.done("POST", "compute/hosts", { name: "h" })).toMatchObject({
      desiredState: "HOST_STATE_ONBOARDED",
      desiredPowerState: "POWER_STATE_ON",
      powerCommandPolicy: "POWER_COMMAND_POLICY_ORDERED",
    });
    const asked = { desiredPowerState: "POWER_STATE_OFF", powerCommandPolicy: "POWER_COMMAND_POLICY_UNSPECIFIED" };
    expect(await api.done("POST", "compute/hosts", { name: "h", ...asked })).toMatchObject({
      desiredPowerState: "POWER_STATE_OFF",
      powerCommandPolicy: "POWER_COMMAND_POLICY_ORDERED",
    });
  });

  test("refuses what another resource has already, as EIM's clients expect", async () => {
    await using api = await openApi();
    await api.done("POST", "compute/hosts", { name: "h", uuid: UUID });
    const again = await api.ask("POST", "compute/hosts", { body: { name: "h", uuid: UUID } });
    expect(again.status).toBe(400);
    expect(again.text).toContain('{"code":"FailedPrecondition","message":');
  });
});

describe("replacing", () => {
  test("puts back to its initial value what the body leaves out, but not what can be set only once", async () => {
    await using api = await openApi();
    const site = await api.done("POST", "sites", { name: "s" });
    const metadata = [{ key: "a", value: "b" }];
    const whole = { name: "h", uuid: UUID, siteId: site.resourceId, metadata };
    const host = await api.done("POST", "compute/hosts", whole);
    expect(await api.done("PUT", `compute/hosts/${String(host.resourceId)}`, { name: "i" })).toMatchObject({
      name: "i",
      uuid: UUID,
      siteId: "",
      site: null,
      metadata: [],
      desiredPowerState: "POWER_STATE_UNSPECIFIED",
      desiredState: "HOST_STATE_ONBOARDED",
    });
  });

  test("needs what creating needs", async () => {
    await using api = await openApi();
    const { resourceId } = await api.done("POST", "compute/hosts", { name: "h" });
    expect(await refusal(api, "PUT", `compute/hosts/${String(resourceId)}`, {})).toBe("name: is needed");
  });

  test("takes back what was read, edited, with all that it embeds", async () => {
    await using api = await openApi();
    const region = await api.done("POST", "regions", { name: "r" });
    const site = await api.done("POST", "sites", { name: "s", regionId: region.resourceId });
    const host = await api.done("POST", "compute/hosts", { name: "h", siteId: site.resourceId });
    const os = await api.done("POST", "compute/os", { name: "o", sha256: SHA });
    const ids = { hostID: host.resourceId, osID: os.resourceId };
    const instance = await api.done("POST", "compute/instances", ids);
    const paths = [
      ["regions", region],
      ["sites", site],
      ["compute/hosts", host],
      ["compute/os", os],
      ["compute/instances", instance],
    ] as const;
    for (const [collection, { resourceId }] of paths) {
      const path = `${collection}/${String(resourceId)}`;
      const read = await api.done("GET", path);
      expect([path, await api.ask("PUT", path, { body: { ...read, name: "edited" } })]).toMatchObject([
        path,
        { status: 200, body: { name: "edited" } },
      ]);
    }
  });

  test("takes back a region as a list showed it, which does not count the sites of each unless it is asked to", async () => {
    await using api = await openApi();
    const { resourceId: regionId } = await api.done("POST", "regions", { name: "r" });
    await api.done("POST", "sites", { name: "s", regionId });
    const { regions } = await api.done("GET", "regions");
    const [read] = regions as Record<string, unknown>[];
    expect(read).toMatchObject({ totalSites: 0 });
    const answer = await api.ask("PUT", `regions/${String(regionId)}`, { body: { ...read, name: "edited" } });
    expect(answer).toMatchObject({ status: 200, body: { name: "edited", totalSites: 1 } });
  });

  test("refuses a read-only field, also inside what is embedded, that is not what stands", async () => {
    await using api = await openApi();
    const site = await api.done("POST", "sites", { name: "s" });
    const host = await api.done("POST", "compute/hosts", { name: "h", siteId: site.resourceId });
    const path = `compute/hosts/${String(host.resourceId)}`;
    const wrong: readonly (readonly [string, Body])[] = [
      ["hostStatus", { hostStatus: "Running" }],
      ["resourceId", { resourceId: "host-ffffffff" }],
      ["site", { site: { ...(host.site as Body), name: "t" } }],
      ["site", { site: null }],
      ["instance", { instance: { resourceId: "inst-00000001" } }],
      ["hostNics", { hostNics: [{ deviceName: "eth9" }] }],
      ["serialNumber", { serialNumber: "SN00001" }],
      ["desiredState", { desiredState: "HOST_STATE_UNTRUSTED" }],
    ];
    for (const [name, change] of wrong) {
      for (const method of ["PUT", "PATCH"] as const) {
        expect(await refusal(api, method, path, { ...host, ...change })).toBe(
          `${name}: is read-only, and not what stands`,
        );
      }
    }
    expect(await api.done("GET", path)).toMatchObject({ generation: 1, name: "h" });
  });

  test("with the generation of what was read loses nobody's change in between", async () => {
    await using api = await openApi();
    const read = await api.done("POST", "regions", { name: "r" });
    const path = `regions/${String(read.resourceId)}`;
    await api.done("PATCH", path, { name: "by another" });
    for (const method of ["PUT", "PATCH"] as const) {
      const late = await api.ask(method, path, { body: { ...read, metadata: [{ key: "a", value: "b" }] } });
      expect(late).toMatchObject({ status: 409, body: { code: "Aborted" } });
    }
    expect(await api.done("PUT", path, { name: "anyway" })).toMatchObject({ name: "anyway" });
  });

  test("with a generation that is none is refused; null says nothing of it", async () => {
    await using api = await openApi();
    const { resourceId } = await api.done("POST", "regions", { name: "r" });
    const path = `regions/${String(resourceId)}`;
    expect(await refusal(api, "PATCH", path, { name: "s", generation: "1" })).toBe(
      "generation: must be a whole number",
    );
    expect(await api.done("PATCH", path, { name: "s", generation: null })).toMatchObject({ name: "s", generation: 2 });
  });

  test("answers that somebody else wrote, before it finds fault with what that changed", async () => {
    await using api = await openApi();
    const site = await api.done("POST", "sites", { name: "s" });
    const read = await api.done("POST", "compute/hosts", { name: "h", siteId: site.resourceId });
    const path = `compute/hosts/${String(read.resourceId)}`;
    await api.done("PATCH", path, { siteId: "" });
    expect(await api.ask("PUT", path, { body: { ...read, name: "i" } })).toMatchObject({ status: 409 });
  });

  test("does not mind what has changed by itself since it was read", async () => {
    await using api = await openApi();
    const read = await api.done("POST", "compute/hosts", { name: "h" });
    const path = `compute/hosts/${String(read.resourceId)}`;
    await api.store.write(async (tx) => {
      const standing = await tx.get(Host, api.acme.id, String(read.resourceId));
      if (!standing) throw new Error("no host");
      const seen = { updatedAt: standing.updatedAt + 1, observedAt: standing.updatedAt, observedBy: "site-00000001" };
      await tx.replace(Host, { ...standing, ...seen, observedGeneration: 1 });
    });
    const observation = { site: "site-00000002", at: "2026-11-23T08:00:00.000Z", ageSeconds: 1 };
    const body = { ...read, name: "i", observation, observedGeneration: 9 };
    expect(await api.done("PUT", path, body)).toMatchObject({ name: "i", observedGeneration: 1 });
  });

  test("is not offered for providers", async () => {
    await using api = await openApi();
    for (const method of ["PUT", "PATCH"] as const) {
      expect((await api.ask(method, "providers/provider-00000001", { body: {} })).status).toBe(405);
    }
  });
});

describe("patching", () => {
  async function withHost() {
    const api = await openApi();
    const site = await api.done("POST", "sites", { name: "s" });
    const metadata = [{ key: "a", value: "b" }];
    const host = await api.done("POST", "compute/hosts", { name: "h", siteId: site.resourceId, metadata });
    return Object.assign(api, { path: `compute/hosts/${String(host.resourceId)}`, host });
  }

  test("changes the fields of the body and no others", async () => {
    await using api = await withHost();
    expect(await api.done("PATCH", api.path, { name: "i" })).toEqual({
      ...api.host,
      name: "i",
      generation: 2,
      timestamps: expect.anything(),
    });
  });

  test("with null or an empty id unsets", async () => {
    await using api = await withHost();
    expect(await api.done("PATCH", api.path, { siteId: "" })).toMatchObject({ siteId: "", site: null, name: "h" });
    expect(await api.done("PATCH", api.path, { metadata: null })).toMatchObject({ metadata: [] });
    expect(await refusal(api, "PATCH", api.path, { name: null })).toBe("name: is needed");
  });

  test("with nothing changes nothing", async () => {
    await using api = await withHost();
    expect(await api.done("PATCH", api.path, {})).toEqual(api.host);
  });

  test("with a field mask changes the fields that it names, in either case, and unsets those that the body lacks", async () => {
    await using api = await withHost();
    const body = { name: "i", metadata: [], hostStatus: "Running" };
    expect(await api.done("PATCH", `${api.path}?fieldMask=name`, body)).toMatchObject({
      name: "i",
      metadata: [{ key: "a" }],
      hostStatus: "Not Connected",
    });
    expect(await api.done("PATCH", `${api.path}?fieldMask=name,site_id`, { name: "j" })).toMatchObject({
      name: "j",
      siteId: "",
    });
  });

  test("with a field mask heeds the generation, and refuses what is no field, as without one", async () => {
    await using api = await withHost();
    const path = `${api.path}?fieldMask=name`;
    await api.done("PATCH", path, { name: "by another", generation: 1 });
    expect(await api.ask("PATCH", path, { body: { name: "i", generation: 1 } })).toMatchObject({ status: 409 });
    expect(await refusal(api, "PATCH", path, { name: "i", colour: "red" })).toBe("colour: unknown field");
  });

  test.each(["nothing", "hostStatus", "site.name", "resourceId", "note", ","])(
    "with the field mask %s is refused",
    async (mask) => {
      await using api = await withHost();
      const message = await refusal(api, "PATCH", `${api.path}?fieldMask=${mask}`, { name: "i" });
      expect(message).toMatch(/^fieldMask: ".*" is no field that can be written$/);
    },
  );
});
