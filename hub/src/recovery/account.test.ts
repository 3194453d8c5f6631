import { offerHeaders, PROTOCOL_VERSION } from "@holdfast/protocol";
import { expect, test } from "vitest";
import { Sender, startTestHub, type TestHub, type TestSite } from "../hub-harness.ts";

const stateOf = (id: string) => {
  return { type: "state", kind: "host", id, observedAt: 1, observedGeneration: 1, fields: { cpuCores: 8 } };
};

async function statusOf(hub: TestHub, site: TestSite) {
  return (await hub.ask("GET", `/v1/projects/default/sites/${site.id}/status`)).body;
}

/** The site says who it is, in a version of the protocol. */
function speak(hub: TestHub, { token }: TestSite, version: number) {
  const offer = offerHeaders({ version, capabilities: [] });
  return fetch(`${hub.url}/v1/sites/self`, { headers: { authorization: `Bearer ${token}`, ...offer } });
}

test("a hub in its first life has lost nothing that a site could tell", async () => {
  await using hub = await startTestHub();
  const site = await hub.site();
  await new Sender(hub, site).send([stateOf("host-7fffffff")]);
  expect((await statusOf(hub, site)).recovery).toBeNull();
});

test("what a site has that a hub in another life does not know is named in the site's status (rules 20, 23)", async () => {
  await using hub = await startTestHub();
  const site = await hub.site();
  const { body: known } = await hub.ask("POST", "/v1/projects/default/compute/hosts", { name: "a", siteId: site.id });
  await new Sender(hub, site).send([stateOf("host-0000dead")]);
  await hub.hub.authority.beginEpoch({ beyond: 0, also: async () => undefined });
  const recovery = async () => (await statusOf(hub, site)).recovery;
  expect(await recovery()).toEqual({ state: "telling", toldAt: null, unknownMachines: [] });
  await speak(hub, site, 1);
  expect(await recovery()).toMatchObject({ state: "unable" });
  const sender = new Sender(hub, site);
  await sender.send([stateOf(known.resourceId), stateOf("host-7fffffff"), stateOf("host-7fffffff")]);
  await speak(hub, site, 1);
  const lost = { kind: "host", id: "host-7fffffff", reportedAt: expect.stringMatching(/Z$/) };
  expect(await recovery()).toEqual({ state: "unable", toldAt: null, unknownMachines: [lost] });
  const { entries } = (await hub.ask("GET", `/v1/projects/default/sites/${site.id}/quarantine`)).body;
  expect(entries[0].reason).toMatch(/^host host-7fffffff is not known here/);
  await speak(hub, site, PROTOCOL_VERSION);
  expect(await recovery()).toMatchObject({ state: "telling" });
  await sender.send([{ type: "recovered", rows: 0, lineage: [] }]);
  expect(await recovery()).toMatchObject({ state: "told", toldAt: expect.stringMatching(/Z$/) });
});
