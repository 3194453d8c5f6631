import { expect, test } from "vitest";
import { Sender, startTestHub } from "../hub-harness.ts";
import { everHeard } from "./ever-heard.ts";

const PROJECT = "/v1/projects/default";

test("a host of a site where nobody has set up anything goes as soon as it is deleted, and then its site", async () => {
  await using hub = await startTestHub();
  const site = (await hub.ask("POST", `${PROJECT}/sites`, { name: "Oslo" })).body.resourceId;
  const host = (await hub.ask("POST", `${PROJECT}/compute/hosts`, { name: "h", siteId: site })).body.resourceId;
  expect((await hub.ask("DELETE", `${PROJECT}/compute/hosts/${host}`)).status).toBe(200);
  expect((await hub.ask("GET", `${PROJECT}/compute/hosts/${host}`)).status).toBe(404);
  expect((await hub.ask("DELETE", `${PROJECT}/sites/${site}`)).status).toBe(200);
});

test("a host of a site that was heard is there until that has let go", async () => {
  await using hub = await startTestHub();
  const site = await hub.site();
  const host = await hub.ask("POST", `${PROJECT}/compute/hosts`, { name: "h", siteId: site.id });
  const path = `${PROJECT}/compute/hosts/${host.body.resourceId}`;
  expect((await hub.ask("DELETE", path)).status).toBe(200);
  expect((await hub.ask("GET", path)).body).toMatchObject({ desiredState: "HOST_STATE_DELETED" });
});

test("a site counts as heard also when the hub died before it noted that", async () => {
  await using hub = await startTestHub();
  const heard = await hub.site();
  await new Sender(hub, heard).send([]);
  const unheard = (await hub.ask("POST", `${PROJECT}/sites`, { name: "Bergen" })).body.resourceId;
  const wasHeard = everHeard({ contactOf: () => undefined });
  const asked = await hub.hub.store.write(async (tx) => [await wasHeard(tx, heard.id), await wasHeard(tx, unheard)]);
  expect(asked).toEqual([true, false]);
});
