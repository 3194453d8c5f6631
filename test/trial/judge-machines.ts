import assert from "node:assert/strict";
import { assertSame } from "../world/agreement.ts";
import { eventually } from "../world/eventually.ts";
import type { Machine } from "../world/machine.ts";
import type { Json } from "../world/request.ts";
import { HOSTS, PROJECT, type Trial } from "./trial.ts";

/**
 * A machine that is where it belongs is shown as it is: there or not, with the hardware that it has, told what it should be,
 * and off when it shall be; one that is not trusted any more is not let in.
 */
export async function machinesAreAsShown(trial: Trial): Promise<void> {
  await eventually(async () => {
    for (const machine of trial.machines) await isAsShown(trial, machine);
    for (const site of trial.sites) await areTold(trial, site.id);
  });
}

async function isAsShown({ world }: Trial, machine: Machine): Promise<void> {
  const { status, body: host } = await world.hub.request("GET", `${HOSTS}/${machine.known}`);
  const isHere = status === 200 && host.siteId === machine.site.id;
  if (!isHere || host.desiredState === "HOST_STATE_UNTRUSTED") {
    const session = machine.isOn ? machine.agent.status.session : undefined;
    assert.equal(session, undefined, `${machine.known} is ${isHere ? "not trusted" : "not of here"}, and is let in`);
    return;
  }
  assert.equal(host.hostStatus === "Running", machine.isOn, `${machine.known} is shown as ${host.hostStatus}`);
  if (!machine.isOn) return;
  assertSame(disksOf(host), await machine.disks(), `the disks of ${machine.known}`);
  const mayStayOn = await waitsRightly(world, host);
  const isOff = host.desiredPowerState === "POWER_STATE_OFF";
  assert.ok(!isOff || mayStayOn, `${machine.known} shall be off, is on and says: ${host.powerStatus}`);
}

function disksOf({ hostStorages = [] }: Json): string[] {
  return hostStorages.map(({ deviceName }: Json) => deviceName).toSorted();
}

/** Nobody switches a machine off while people disagree about it, while its site is held, or when that was wanted too long ago. */
async function waitsRightly(world: Trial["world"], { resourceId, siteId, powerStatus }: Json): Promise<boolean> {
  if (/^Not switched off: it was wanted too long ago/.test(powerStatus)) return true;
  const { holds } = await world.hub.ask("GET", `${PROJECT}/holds`);
  if (holds.some((hold: Json) => hold.siteId === siteId)) return true;
  const open = await world.hub.conflicts();
  return open.some((each) => each.resourceId === resourceId && [null, "desiredPowerState"].includes(each.field));
}

/** Who runs says that it is what its site tells it to be. */
async function areTold({ machines, sites, world }: Trial, id: string): Promise<void> {
  const site = sites.find((each) => each.id === id);
  if (!site) return;
  const running = new Set<string>();
  for (const machine of machines) {
    const host = machine.isOn && (await world.hub.request("GET", `${HOSTS}/${machine.known}`)).body;
    if (host && host.siteId === id && machine.site.id === id && host.hostStatus === "Running")
      running.add(host.resourceId);
  }
  const { documents } = (await site.status()).hosts;
  assert.ok(documents.reached >= running.size, `${running.size} run at ${site.name}, ${documents.reached} are as told`);
}

/** What all sites of a project share is the same at hub and sites: regions, sites, operating systems, hosts of nobody. */
export async function sharedIsTheSame({ world, sites }: Trial): Promise<void> {
  for (const path of ["regions", "sites", "compute/os"]) {
    const atHub = await listed(world.hub, path);
    for (const site of sites) assertSame(await listed(site, path), atHub, `${path} at ${site.name}`);
  }
}

async function listed(at: Pick<Trial["world"]["hub"], "ask">, path: string): Promise<Json[]> {
  const answer = await at.ask("GET", `${PROJECT}/${path}?pageSize=100`);
  const [rows = []] = Object.values(answer).filter((each) => Array.isArray(each)) as Json[][];
  return rows
    .map(({ resourceId, name, profileName, timestamps }) => ({ resourceId, name, profileName, timestamps }))
    .toSorted((one, other) => (one.resourceId < other.resourceId ? -1 : 1));
}
