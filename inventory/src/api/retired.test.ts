import { Instance, OperatingSystem, Site } from "@holdfast/protocol";
import { expect, test } from "vitest";
import { EVERY_TENANT } from "../store/contract.ts";
import { openApi } from "./api-under-test.ts";

test("a retired operating system is not there any more, but in what a site made of it (rule 12)", async () => {
  await using api = await openApi();
  const fields = { name: "debian", sha256: "a".repeat(64) };
  const { resourceId: site } = await api.inventory.create(Site, { actor: "hub", tenant: api.acme.id, fields: {} });
  const os = await api.done("POST", "compute/os", fields);
  const host = await api.done("POST", "compute/hosts", { name: "a", siteId: site });
  const path = `compute/os/${String(os.resourceId)}`;
  await api.done("DELETE", path);
  expect((await api.ask("GET", path)).status).toBe(404);
  expect((await api.ask("DELETE", path)).status).toBe(404);
  expect((await api.ask("PATCH", path, { body: { description: "x" } })).status).toBe(404);
  expect(await api.done("GET", "compute/os")).toMatchObject({ totalElements: 0 });
  const made = { hostID: String(host.resourceId), osID: String(os.resourceId) };
  expect((await api.ask("POST", "compute/instances", { body: made })).status).not.toBe(200);
  const request = { actor: "site:x", tenant: api.acme.id, id: "inst-90000000", owner: site, fields: made };
  await api.store.write((tx) => api.inventory.createIn(tx, Instance, request));
  expect(await api.done("GET", "compute/instances/inst-90000000")).toMatchObject({ os: { name: "debian" } });
  const another = await api.done("POST", "compute/os", fields);
  expect(another.resourceId).not.toBe(os.resourceId);
  expect(await api.store.read((view) => view.find(OperatingSystem, {}, EVERY_TENANT))).toHaveLength(2);
});
