import assert from "node:assert/strict";
import { assertAgreed, assertSame, conflictsFor, machinesIn } from "../world/agreement.ts";
import { eventually } from "../world/eventually.ts";
import type { Json } from "../world/request.ts";
import { everythingIn, PASSING } from "./everything.ts";
import { whoIsGoneIsLetInNoMore } from "./judge-colleagues.ts";
import { commandsEnd, nothingIsDoneUnasked } from "./judge-commands.ts";
import { nobodyBeginsAnew } from "./judge-lives.ts";
import { machinesAreAsShown, sharedIsTheSame } from "./judge-machines.ts";
import { HOSTS, ownValue, PROJECT, type Trial, valueShown } from "./trial.ts";

/** Mends all that is broken and waits until hub and sites have nothing more to tell one another. */
export async function heal(trial: Trial): Promise<void> {
  for (const { wan } of trial.sites) wan.restore();
  for (const machine of trial.machines) machine.speakAgain();
  for (const at of [trial.world.hub, ...trial.sites]) at.clock.ahead = 0;
  await trial.allUp();
  await eventually(async () => {
    await trial.world.clock.advance(5_000);
    await trial.allUp();
    await chooseWhatThereIs(trial);
    for (const { name } of trial.sites) await assertAgreed(trial.world, name);
    assertSame(await openWholes(trial), []);
  });
}

/** Conflicts about whether a thing is there at all, and as what: nothing of it settles before somebody chooses. */
async function openWholes({ world }: Trial): Promise<Json[]> {
  return (await world.hub.conflicts()).filter(({ field }: Json) => field === null);
}

async function chooseWhatThereIs(trial: Trial): Promise<void> {
  for (const { id, values } of await openWholes(trial)) {
    for (const { write } of values) {
      const path = `${PROJECT}/conflicts/${id}/resolve`;
      if ((await trial.world.hub.request("POST", path, { choose: write })).status === 200) break;
    }
  }
}

/** Throws an AssertionError in words when anything is not as it must be after all that happened. */
export async function judge(trial: Trial): Promise<void> {
  await whatWasWantedStands(trial);
  await nobodyManagesTwice(trial);
  await eventually(() => conflictsAreShown(trial));
  await eventually(() => holdsAreThere(trial));
  await commandsEnd(trial);
  nothingIsDoneUnasked(trial);
  await deletedStaysDeleted(trial);
  await nothingIsSetAside(trial);
  await nobodyBeginsAnew(trial);
  await eventually(() => sharedIsTheSame(trial));
  await machinesAreAsShown(trial);
  await whoIsGoneIsLetInNoMore(trial);
}

async function whatWasWantedStands({ world, ledger, anyDisaster }: Trial): Promise<void> {
  const told = await everythingIn(world.hub.running.store);
  assertSame(
    ledger.forgotten((value) => told.includes(value)),
    [],
  );
  if (anyDisaster) return;
  const hosts = new Map<string, Json>((await allHosts(world.hub)).map((host) => [host.resourceId, host]));
  const open = await world.hub.conflicts();
  const names = new Map<string, string>();
  for (const id of ledger.resources) {
    const { status, body } = await world.hub.request("GET", `${HOSTS}/${id}`);
    if (status === 200) names.set(id, body.resourceId);
  }
  const asked = await everythingIn(world.hub.running.store, PASSING);
  const faults = ledger.faultsIn({
    idOf: (resource) => names.get(resource) ?? resource,
    valueOf: (resource, field) => {
      const host = hosts.get(resource);
      return host && valueShown(host, field);
    },
    contested: (resource, field) =>
      open
        .filter((each) => each.resourceId === resource && each.field === field)
        .flatMap(({ values }) => values.map(({ value }: Json) => ownValue(value))),
    isTold: (value) => asked.includes(value),
  });
  assertSame(faults, []);
}

async function allHosts(hub: Trial["world"]["hub"]): Promise<Json[]> {
  return (await hub.ask("GET", `${HOSTS}?pageSize=100`)).hosts;
}

/** Of those that hold a machine, by what they hold themselves. */
async function nobodyManagesTwice({ sites }: Trial): Promise<void> {
  const managing = new Map<string, string>();
  for (const { id, name, node } of sites) {
    for (const host of (await machinesIn(node.store, id)).keys()) {
      assert.ok(!managing.has(host), `${host} is managed at ${managing.get(host)} and at ${name}`);
      managing.set(host, name);
    }
  }
}

async function conflictsAreShown({ world, sites }: Trial): Promise<void> {
  const open = await world.hub.conflicts();
  for (const site of sites) {
    const { conflicts } = await site.ask("GET", `${PROJECT}/conflicts`);
    const feed = await conflictsFor(world.hub.running.store, site.id);
    const ids = feed.map(({ id }) => id).toSorted();
    assertSame(conflicts.map(({ id }: Json) => id).toSorted(), ids, "the conflicts that a site shows");
    const shownAtHub = open.filter(({ id }) => ids.includes(id));
    assertSame(byId(conflicts), byId(shownAtHub), "a conflict as hub and site show it");
    for (const { id, resourceId } of open) {
      const host = await world.hub.request("GET", `${HOSTS}/${resourceId}`);
      const isHere = host.status === 200 && host.body.siteId === site.id;
      assert.ok(!isHere || ids.includes(id), `${id} is about a host of ${site.name}, which does not show it`);
    }
  }
}

function byId(conflicts: readonly Json[]): Json[] {
  return conflicts.toSorted((one, other) => (one.id < other.id ? -1 : 1));
}

async function holdsAreThere({ world, sites, held }: Trial): Promise<void> {
  const { holds } = await world.hub.ask("GET", `${PROJECT}/holds`);
  for (const site of sites) {
    const atHub = holds.filter(({ siteId }: Json) => siteId === site.id);
    assertSame((await site.ask("GET", `${PROJECT}/holds`)).holds, atHub, `the hold of ${site.name}`);
    if (held.has(site.name)) assert.equal(atHub.length, 1, `${site.name} is held`);
  }
}

async function deletedStaysDeleted({ world, sites, ledger, anyDisaster }: Trial): Promise<void> {
  if (anyDisaster) return;
  for (const id of ledger.deletedOnes) {
    const { status } = await world.hub.request("GET", `${HOSTS}/${id}`);
    assert.equal(status, 404, `${id} was deleted, and is there at the hub`);
    for (const { name, node } of sites) {
      assert.ok(!(await machinesIn(node.store)).has(id), `${id} was deleted, and is there at ${name}`);
    }
  }
}

async function nothingIsSetAside({ world, sites, anyDisaster }: Trial): Promise<void> {
  if (anyDisaster) return;
  for (const site of sites) {
    const { entries } = await world.hub.ask("GET", `${PROJECT}/sites/${site.id}/quarantine`);
    assertSame(entries, [], `what the hub could not apply of ${site.name}`);
    const { counters } = await site.status();
    assert.ok(!("feed-rows-malformed" in counters), `${site.name} could not read rows of its feed`);
  }
}
