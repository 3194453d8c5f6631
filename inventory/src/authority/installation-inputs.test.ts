import { CustomConfig, LocalAccount } from "@holdfast/protocol";
import { expect, test } from "vitest";
import { Harness } from "./harness.ts";

async function withInputs(hub: Harness) {
  const oslo = await hub.site("Oslo");
  const instance = await hub.instance(await hub.host({ siteId: oslo.resourceId }));
  const account = (username: string) => hub.add(LocalAccount, { username, sshKey: "ssh-ed25519 AAAA" });
  const config = await hub.add(CustomConfig, { name: "swap", config: "swap: none" });
  const [alice, bob] = [await account("alice"), await account("bob")];
  const inputs = { localAccountID: alice.resourceId, customConfigID: [config.resourceId] };
  return { oslo: oslo.resourceId, instance, inputs, bob };
}

test("the account and configuration of an instance may change until it is provisioned", async () => {
  await using hub = await Harness.open();
  const { instance, inputs, bob } = await withInputs(hub);
  expect((await hub.set(instance, inputs)).fields).toMatchObject(inputs);
  expect((await hub.set(instance, { localAccountID: bob.resourceId })).fields).toMatchObject({
    localAccountID: bob.resourceId,
  });
  expect((await hub.set(instance, { customConfigID: [] })).fields).toMatchObject({ customConfigID: [] });
});

test.each([
  { provisioningStatus: "Provisioning In Progress" },
  { provisioningStatusIndicator: "STATUS_INDICATION_IN_PROGRESS" },
  { currentState: "INSTANCE_STATE_RUNNING" },
])("once provisioning has begun they are settled (%j)", async (observed) => {
  await using hub = await Harness.open();
  const { oslo, instance, inputs, bob } = await withInputs(hub);
  await hub.set(instance, inputs);
  await hub.observe(instance, oslo, observed);
  const settled = (field: string) => ({ code: "FailedPrecondition", fields: [field] });
  await expect(hub.set(instance, { localAccountID: bob.resourceId })).rejects.toMatchObject(settled("localAccountID"));
  await expect(hub.set(instance, { localAccountID: null })).rejects.toMatchObject(settled("localAccountID"));
  await expect(hub.set(instance, { customConfigID: null })).rejects.toMatchObject(settled("customConfigID"));
  expect((await hub.set(instance, { ...inputs, name: "till" })).fields).toMatchObject({ ...inputs, name: "till" });
});
