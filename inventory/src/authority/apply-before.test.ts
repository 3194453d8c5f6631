import { Host } from "@holdfast/protocol";
import { describe, expect, test } from "vitest";
import { APPLIES_WITHIN } from "./apply-before.ts";
import { ALICE, Harness, TENANT } from "./harness.ts";

const OFF = { desiredPowerState: "POWER_STATE_OFF" };

/** A hub with a host of a site that it hears or does not hear. */
async function managed() {
  const silent = new Set<string>();
  const hub = await Harness.open([], { isSilent: (site) => silent.has(site) });
  const site = (await hub.site("Oslo")).resourceId;
  const host = await hub.host({ siteId: site, serialNumber: "SN-1" });
  const fall = () => silent.add(site);
  const hear = () => silent.delete(site);
  return { hub, site, host, fall, hear, [Symbol.asyncDispose]: () => hub[Symbol.asyncDispose]() };
}

describe("a desired power state that is wanted while the host's site is silent (rule 17)", () => {
  test.each(["POWER_STATE_OFF", "POWER_STATE_ON"])("carries until when it may be begun with: %s", async (state) => {
    await using it = await managed();
    it.fall();
    const after = await it.hub.set(it.host, { desiredPowerState: state, name: "till" });
    expect(after.stamps.desiredPowerState).toMatchObject({ applyBefore: 1_000 + APPLIES_WITHIN });
    expect(after.stamps.name).not.toHaveProperty("applyBefore");
    expect(await it.hub.get(after)).toEqual(after);
    expect(await it.hub.body(`site:${it.site}`, after)).toMatchObject({ stamps: after.stamps });
  });

  test("does so also for a host that is made, or given to its site, then", async () => {
    await using it = await managed();
    it.fall();
    const made = await it.hub.host({ ...OFF, siteId: it.site, name: "made" });
    const free = await it.hub.host({ name: "free" });
    const given = await it.hub.set(free, { ...OFF, siteId: it.site });
    for (const { stamps } of [made, given]) expect(stamps.desiredPowerState).toHaveProperty("applyBefore");
  });

  test("does not while the site is heard, or when it was wanted at the site itself, or is to be no state", async () => {
    await using it = await managed();
    const heard = await it.hub.set(it.host, OFF);
    expect(heard.stamps.desiredPowerState).not.toHaveProperty("applyBefore");
    it.fall();
    await it.hub.edit(heard, it.site, { field: "desiredPowerState", value: "POWER_STATE_ON" });
    expect((await it.hub.get(heard))?.stamps.desiredPowerState).not.toHaveProperty("applyBefore");
    const unset = await it.hub.set(heard, { desiredPowerState: null });
    expect(unset.stamps.desiredPowerState).not.toHaveProperty("applyBefore");
  });

  test("is wanted again by wanting the same, which is a write of its own, good for as long as the site is heard", async () => {
    await using it = await managed();
    it.fall();
    const late = await it.hub.set(it.host, OFF);
    it.hear();
    const again = await it.hub.set(it.host, OFF);
    expect(again.generation).toBe(late.generation + 1);
    expect(again.stamps.desiredPowerState?.id).not.toBe(late.stamps.desiredPowerState?.id);
    expect(again.stamps.desiredPowerState).not.toHaveProperty("applyBefore");
    expect(await it.hub.set(it.host, OFF)).toEqual(again);
  });

  test("wanted again while the site is still silent, may be begun with for another day", async () => {
    await using it = await managed();
    it.fall();
    await it.hub.set(it.host, OFF);
    it.hub.now = () => 5_000;
    const again = await it.hub.set(it.host, OFF);
    expect(again.stamps.desiredPowerState).toMatchObject({ applyBefore: 5_000 + APPLIES_WITHIN });
  });

  test("is not wanted again by a change of something else that repeats it", async () => {
    await using it = await managed();
    it.fall();
    const late = await it.hub.set(it.host, OFF);
    const renamed = await it.hub.set(it.host, { ...OFF, name: "till" });
    expect(renamed.stamps.desiredPowerState).toEqual(late.stamps.desiredPowerState);
  });

  test("carries it also when it is what an operator chose of several", async () => {
    await using it = await managed();
    it.fall();
    const chosen = { actor: ALICE, tenant: TENANT, id: it.host.resourceId, fields: OFF };
    const after = await it.hub.store.write((tx) => it.hub.authority.settleIn(tx, Host, chosen));
    expect(after.stamps.desiredPowerState).toHaveProperty("applyBefore");
  });
});
