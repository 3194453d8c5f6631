import { Host, Site } from "@holdfast/protocol";
import { expect, test } from "vitest";
import { type ApiUnderTest, type Body, openApi } from "./api-under-test.ts";

const HOST = { name: "till" };
const OS = { name: "debian", sha256: "a".repeat(64) };
const PROVIDER = { providerKind: "PROVIDER_KIND_BAREMETAL", name: "acme", apiEndpoint: "none" };

const idOf = ({ resourceId }: Body) => String(resourceId);

interface Use {
  readonly kind: string;
  readonly path: string;
  readonly users: string;
  /** Makes something, and what uses it. */
  readonly make: (api: ApiUnderTest) => Promise<readonly [used: Body, user: Body]>;
}

const USES: readonly Use[] = [
  {
    kind: "region",
    path: "regions",
    users: "regions",
    make: async (api) => {
      const above = await api.done("POST", "regions", { name: "north" });
      return [above, await api.done("POST", "regions", { name: "oslo", parentId: idOf(above) })];
    },
  },
  {
    kind: "region",
    path: "regions",
    users: "sites",
    make: async (api) => {
      const above = await api.done("POST", "regions", { name: "north" });
      return [above, await api.done("POST", "sites", { name: "oslo", regionId: idOf(above) })];
    },
  },
  {
    kind: "provider",
    path: "providers",
    users: "sites",
    make: async (api) => {
      const provider = await api.done("POST", "providers", PROVIDER);
      return [provider, { ...(await api.inventory.create(Site, ofProvider(api, { name: "oslo" }, provider))) }];
    },
  },
  {
    kind: "provider",
    path: "providers",
    users: "compute/hosts",
    make: async (api) => {
      const provider = await api.done("POST", "providers", PROVIDER);
      return [provider, { ...(await api.inventory.create(Host, ofProvider(api, { name: "till" }, provider))) }];
    },
  },
  {
    kind: "operating_system",
    path: "compute/os",
    users: "os_update_policy",
    make: async (api) => {
      const os = await api.done("POST", "compute/os", OS);
      const target = { name: "p", updatePolicy: "UPDATE_POLICY_TARGET", targetOsId: idOf(os) };
      return [os, await api.done("POST", "os_update_policy", target)];
    },
  },
  {
    kind: "operating_system",
    path: "compute/os",
    users: "compute/instances",
    make: async (api) => {
      const [os, host] = [await api.done("POST", "compute/os", OS), await api.done("POST", "compute/hosts", HOST)];
      const body = { hostID: idOf(host), osID: idOf(os) };
      return [os, await api.done("POST", "compute/instances", body)];
    },
  },
  {
    kind: "host",
    path: "compute/hosts",
    users: "compute/instances",
    make: async (api) => {
      const [os, host] = [await api.done("POST", "compute/os", OS), await api.done("POST", "compute/hosts", HOST)];
      const body = { hostID: idOf(host), osID: idOf(os) };
      return [host, await api.done("POST", "compute/instances", body)];
    },
  },
];

function ofProvider(api: ApiUnderTest, fields: Body, provider: Body) {
  return { actor: "hub", tenant: api.acme.id, fields: { ...fields, providerId: idOf(provider) } };
}

test.each(USES)(
  "a $kind is not deleted while one of $users uses it, and is after that",
  async ({ kind, path, users, make }) => {
    await using api = await openApi();
    const [used, user] = await make(api);
    const refused = await api.ask("DELETE", `${path}/${idOf(used)}`);
    expect(refused).toMatchObject({ status: 400, body: { code: "FailedPrecondition" } });
    const message = `${kind}_resource ${idOf(used)} is still referred to by `;
    expect(refused.body.message).toMatch(new RegExp(`^${message}\\w+ ${idOf(user)}$`));
    await api.done("DELETE", `${users}/${idOf(user)}`);
    expect((await api.ask("DELETE", `${path}/${idOf(used)}`)).text).toBe("{}");
    expect((await api.ask("GET", `${path}/${idOf(used)}`)).body.message).toBe(`${kind}_resource not found`);
  },
);

test("a site is not deleted while it has hosts, wherever they are wanted", async () => {
  await using api = await openApi();
  const site = await api.done("POST", "sites", { name: "oslo" });
  const host = await api.done("POST", "compute/hosts", { ...HOST, siteId: idOf(site) });
  expect(await api.ask("DELETE", `sites/${idOf(site)}`)).toMatchObject({ status: 400 });
  await api.done("PATCH", `compute/hosts/${idOf(host)}`, { siteId: "" });
  const refused = await api.ask("DELETE", `sites/${idOf(site)}`);
  expect(refused.body.message).toBe(`site_resource ${idOf(site)} is still referred to by host ${idOf(host)}`);
});
