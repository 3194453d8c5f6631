import { Host } from "@holdfast/protocol";
import { Fault } from "@holdfast/runtime";
import { expect, test } from "vitest";
import type { NewCommand } from "./api/commands.ts";
import { ALICE, Harness, TENANT } from "./authority/harness.ts";
import { POWER_COMMAND_VALID, withPowerCommands } from "./power-commands.ts";

/** A host of a site behind the wrapper, and the commands that were given. */
async function open(refused?: Fault) {
  const harness = await Harness.open();
  const site = await harness.site("oslo");
  const host = await harness.host({ siteId: site.resourceId, desiredPowerState: "POWER_STATE_ON" });
  const given: NewCommand[] = [];
  const commands = {
    async issue(command: NewCommand) {
      if (refused) throw refused;
      given.push(command);
      const { hostId, command: name, actor, notAfter } = command;
      return { id: "c", hostId, command: name, status: "pending" as const, actor, issuedAt: 0, notAfter, updatedAt: 0 };
    },
  };
  const clock = { now: () => 5_000 };
  const inventory = withPowerCommands({ inventory: harness.authority, commands, clock });
  const update = (fields: Readonly<Record<string, unknown>>, more: { id?: string; ifGeneration?: number } = {}) =>
    inventory.update(Host, { actor: ALICE, token: "token-1", tenant: TENANT, id: host.resourceId, fields, ...more });
  return { harness, inventory, host, given, update };
}

test("wanting a host reset gives a command, good for ten minutes, and writes no desired state (rule 17)", async () => {
  const { harness: opened, host, given, update } = await open();
  await using harness = opened;
  expect((await update({ desiredPowerState: "POWER_STATE_RESET" })).generation).toBe(host.generation);
  const told = { actor: ALICE, token: "token-1", tenant: TENANT, hostId: host.resourceId };
  expect(given).toEqual([{ ...told, command: "reset", notAfter: 5_000 + POWER_COMMAND_VALID }]);
  expect(await harness.get(host)).toEqual(host);
});

test("what else the request changes is changed, also of a host that no site manages, which nobody resets", async () => {
  const { harness: opened, host, given, update, inventory } = await open();
  await using harness = opened;
  await update({ desiredPowerState: "POWER_STATE_POWER_CYCLE", name: "renamed" });
  expect((await harness.get(host))?.fields).toMatchObject({ name: "renamed", desiredPowerState: "POWER_STATE_ON" });
  const free = await harness.host({ name: "free" });
  const fields = { desiredPowerState: "POWER_STATE_RESET", name: "renamed" };
  const asked = { actor: ALICE, tenant: TENANT, id: free.resourceId, fields };
  await inventory.update(Host, asked);
  expect((await harness.get(free))?.fields).toEqual({ ...free.fields, name: "renamed" });
  expect(given).toHaveLength(1);
});

test("a reset of a host at another generation, or of none, is refused as any change is", async () => {
  const { harness: opened, given, update } = await open();
  await using _ = opened;
  const reset = { desiredPowerState: "POWER_STATE_RESET" };
  await expect(update(reset, { ifGeneration: 9 })).rejects.toMatchObject({ code: "Aborted" });
  await expect(update(reset, { id: "host-00000000" })).rejects.toMatchObject({ code: "NotFound" });
  expect(given).toEqual([]);
});

test("power states that say how a host shall be are written as they are", async () => {
  const { harness: opened, given, update } = await open();
  await using _ = opened;
  const { fields } = await update({ desiredPowerState: "POWER_STATE_OFF" });
  expect([fields.desiredPowerState, given]).toEqual(["POWER_STATE_OFF", []]);
});

test("no host begins with a reset", async () => {
  const { harness: opened, inventory } = await open();
  await using _ = opened;
  const fields = { name: "new", desiredPowerState: "POWER_STATE_RESET" };
  const made = inventory.create(Host, { actor: ALICE, tenant: TENANT, fields });
  await expect(made).rejects.toMatchObject({ code: "InvalidArgument", fields: ["desiredPowerState"] });
});

test("what refuses the command is what the caller hears", async () => {
  const { harness: opened, update } = await open(new Fault("Unavailable", "not now"));
  await using _ = opened;
  await expect(update({ desiredPowerState: "POWER_STATE_RESET" })).rejects.toThrow(/not now/);
});
