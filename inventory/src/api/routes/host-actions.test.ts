import { type FieldsOf, Host, Instance, type Kind } from "@holdfast/protocol";
import { describe, expect, test } from "vitest";
import { type ApiUnderTest, openApi } from "../api-under-test.ts";

const REGISTER = "compute/hosts/register";
const UUID = "00000000-0000-4000-8000-000000000001";

describe("registering a host", () => {
  test("expects a machine by serial number or UUID; empty texts are none", async () => {
    await using api = await openApi();
    const bySerial = { name: "", serialNumber: "SN00001", uuid: "", autoOnboard: true, userLvmSize: 10 };
    expect(await api.done("POST", REGISTER, bySerial)).toMatchObject({
      serialNumber: "SN00001",
      uuid: "",
      userLvmSize: 10,
      desiredState: "HOST_STATE_ONBOARDED",
    });
    expect(await api.done("POST", REGISTER, { name: "h", uuid: UUID, enableVpro: true })).toMatchObject({
      name: "h",
      uuid: UUID,
      desiredState: "HOST_STATE_REGISTERED",
      desiredAmtState: "AMT_STATE_PROVISIONED",
    });
  });

  test.each([
    [{}, "serialNumber: it or uuid is needed"],
    [{ serialNumber: "", uuid: "" }, "serialNumber: it or uuid is needed"],
    [{ serialNumber: "a b" }, "serialNumber: must match"],
    [{ uuid: "x" }, "uuid: must match"],
    [{ uuid: UUID, name: "x".repeat(21) }, "name: must not be longer than 20"],
    [{ uuid: UUID, autoOnboard: "yes" }, "autoOnboard: must be true or false"],
    [{ uuid: UUID, siteId: "site-00000001" }, "siteId: unknown field"],
  ])("refuses %j", async (body, message) => {
    await using api = await openApi();
    const answer = await api.ask("POST", REGISTER, { body });
    expect(answer).toMatchObject({ status: 400, body: { code: "InvalidArgument" } });
    expect(String(answer.body.message).startsWith(message)).toBe(true);
  });

  test("twice is a failed precondition, and the machine is then found by both", async () => {
    await using api = await openApi();
    const body = { serialNumber: "SN00001", uuid: UUID };
    await api.done("POST", REGISTER, body);
    const again = await api.ask("POST", REGISTER, { body });
    expect(again.status).toBe(400);
    expect(again.text).toContain('"code":"FailedPrecondition"');
    const filter = encodeURIComponent(`serialNumber='SN00001' AND uuid='${UUID}'`);
    expect(await api.done("GET", `compute/hosts?filter=${filter}`)).toMatchObject({ totalElements: 1 });
  });

  test("says once whether vPro is wanted: a later registration does not", async () => {
    await using api = await openApi();
    const { resourceId } = await api.done("POST", REGISTER, { serialNumber: "SN00001" });
    const again = await api.done("PATCH", `compute/hosts/${String(resourceId)}/register`, { enableVpro: true });
    expect(again).toMatchObject({ desiredAmtState: "AMT_STATE_UNSPECIFIED" });
  });

  test("again changes how it is expected, by path or by query", async () => {
    await using api = await openApi();
    const { resourceId } = await api.done("POST", REGISTER, { serialNumber: "SN00001" });
    const path = `compute/hosts/${String(resourceId)}/register`;
    expect(await api.done("PATCH", path, { name: "n" })).toMatchObject({
      name: "n",
      serialNumber: "SN00001",
      desiredState: "HOST_STATE_REGISTERED",
    });
    const byQuery = await api.done("POST", `${REGISTER}?resourceId=${String(resourceId)}`, { autoOnboard: true });
    expect(byQuery).toMatchObject({ resourceId, name: "n", desiredState: "HOST_STATE_ONBOARDED" });
    expect(await api.done("GET", "compute/hosts")).toMatchObject({ totalElements: 1 });
  });
});

describe("actions on a host and an instance", () => {
  test("onboard, invalidate with a note, and answer with an empty object", async () => {
    await using api = await openApi();
    const { resourceId } = await api.done("POST", REGISTER, { serialNumber: "SN00001" });
    const path = `compute/hosts/${String(resourceId)}`;
    expect(await api.done("PATCH", `${path}/onboard`)).toEqual({});
    expect(await api.done("GET", path)).toMatchObject({ desiredState: "HOST_STATE_ONBOARDED" });
    expect(await api.done("PUT", `${path}/invalidate?note=stolen`)).toEqual({});
    expect(await api.done("GET", path)).toMatchObject({ desiredState: "HOST_STATE_UNTRUSTED", note: "stolen" });
    const long = await api.ask("PUT", `${path}/invalidate?note=${"x".repeat(513)}`);
    expect(long).toMatchObject({ status: 400, body: { message: "note: must not be longer than 512 characters" } });
  });

  test("an instance is invalidated", async () => {
    await using api = await openApi();
    const { instance } = await machine(api, {});
    expect(await api.done("PUT", `compute/instances/${instance}/invalidate`)).toEqual({});
    expect(await api.done("GET", `compute/instances/${instance}`)).toMatchObject({
      desiredState: "INSTANCE_STATE_UNTRUSTED",
    });
  });

  test("a host is deleted in two phases: first it is wanted gone", async () => {
    await using api = await openApi();
    const site = await api.done("POST", "sites", { name: "s" });
    const { resourceId } = await api.done("POST", "compute/hosts", { name: "h", siteId: site.resourceId });
    expect(await api.done("DELETE", `compute/hosts/${String(resourceId)}`)).toEqual({});
    expect(await api.done("GET", `compute/hosts/${String(resourceId)}`)).toMatchObject({
      desiredState: "HOST_STATE_DELETED",
    });
  });

  test("want an id of the right pattern, and one that exists", async () => {
    await using api = await openApi();
    const actions = [
      ["PATCH", "compute/hosts/ID/onboard", "host"],
      ["PATCH", "compute/hosts/ID/register", "host"],
      ["PUT", "compute/hosts/ID/invalidate", "host"],
      ["PUT", "compute/instances/ID/invalidate", "inst"],
    ] as const;
    for (const [method, path, prefix] of actions) {
      const body = path.endsWith("register") ? { autoOnboard: true } : undefined;
      for (const id of ["x", `${prefix}-1`, "site-00000001"]) {
        const answer = await api.ask(method, path.replace("ID", id), { body });
        expect([path, id, answer.status, answer.body.code]).toEqual([path, id, 400, "InvalidArgument"]);
      }
      const absent = await api.ask(method, path.replace("ID", `${prefix}-ffffffff`), { body });
      expect([path, absent.status]).toEqual([path, 404]);
    }
  });
});

/** A host with an instance, of which a site has observed these fields. */
async function machine(
  api: ApiUnderTest,
  observed: {
    readonly host?: FieldsOf<typeof Host>;
    readonly instance?: FieldsOf<typeof Instance>;
    readonly siteId?: unknown;
  },
): Promise<{ host: string; instance: string }> {
  const { OperatingSystemResources: known } = await api.done("GET", "compute/os");
  const [first] = known as { resourceId: string }[];
  const os = first ?? (await api.done("POST", "compute/os", { name: "o", sha256: "a".repeat(64) }));
  const host = await api.done("POST", "compute/hosts", { name: "h", siteId: observed.siteId ?? "" });
  const instance = await api.done("POST", "compute/instances", { hostID: host.resourceId, osID: os.resourceId });
  await observe(api, Host, String(host.resourceId), observed.host ?? {});
  await observe(api, Instance, String(instance.resourceId), observed.instance ?? {});
  return { host: String(host.resourceId), instance: String(instance.resourceId) };
}

async function observe(api: ApiUnderTest, kind: Kind, id: string, fields: object): Promise<void> {
  await api.store.write(async (tx) => {
    const standing = await tx.get(kind, api.acme.id, id);
    if (!standing) throw new Error(`no ${id}`);
    await tx.replace(kind, { ...standing, fields: { ...standing.fields, ...fields } });
  });
}

describe("the summary", () => {
  test("counts failing, running and unallocated hosts once each, at both its paths, narrowed by a filter", async () => {
    await using api = await openApi();
    const site = await api.done("POST", "sites", { name: "s" });
    const at = { siteId: site.resourceId };
    const failing = "STATUS_INDICATION_ERROR" as const;
    const running = { currentState: "INSTANCE_STATE_RUNNING" } as const;
    await machine(api, { ...at, instance: running });
    await machine(api, { ...at, instance: { ...running, updateStatusIndicator: failing } });
    await machine(api, { ...at, host: { amtStatusIndicator: failing }, instance: running });
    await machine(api, { host: { hostStatusIndicator: failing }, instance: { provisioningStatusIndicator: failing } });
    await api.done("POST", REGISTER, { serialNumber: "SN00001" });
    const all = { total: 5, error: 3, running: 1, unallocated: 2, unknown: 0 };
    expect(await api.done("GET", "compute/hosts/summary")).toEqual(all);
    expect(await api.done("GET", "compute/hosts_summary")).toEqual(all);
    const filter = encodeURIComponent(`site.resourceId="${String(site.resourceId)}"`);
    expect(await api.done("GET", `compute/hosts_summary?filter=${filter}`)).toEqual({
      total: 3,
      error: 2,
      running: 1,
      unallocated: 0,
      unknown: 0,
    });
    const deep = encodeURIComponent("site.region.parentRegion.parentRegion.parentRegion.name=x AND has(instance)");
    expect(await api.done("GET", `compute/hosts_summary?filter=${deep}`)).toMatchObject({ total: 0 });
    expect((await api.ask("GET", "compute/hosts_summary?filter=nothing%3D1")).status).toBe(400);
  });
});
