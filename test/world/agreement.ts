import assert from "node:assert/strict";
import { EVERY_TENANT } from "@holdfast/inventory";
import { type ConflictBody, Host, Instance, type Kind, type Resource, ROW, siteScope } from "@holdfast/protocol";
import { eventually } from "./eventually.ts";
import type { World } from "./world.ts";

const KINDS: readonly Kind[] = [Host, Instance];

type Store = World["hub"]["running"]["store"];

/** What a store holds of machines, by id; of those that a site manages when one is named. */
export async function machinesIn(store: Store, owner?: string): Promise<Map<string, Resource>> {
  const lists = await store.read((view) => Promise.all(KINDS.map((kind) => view.list(kind, { tenant: EVERY_TENANT }))));
  const machines = lists.flatMap(({ resources }) => resources as readonly Resource[]);
  return new Map(
    machines.filter((each) => owner === undefined || each.owner === owner).map((each) => [each.resourceId, each]),
  );
}

/** The conflicts that the hub shows a site. */
export async function conflictsFor(store: Store, site: string): Promise<(ConflictBody & { readonly id: string })[]> {
  const { rows } = await store.read((view) => view.feed(siteScope(site), 0, 10_000));
  return rows.flatMap(({ kind, id, body }) =>
    kind === ROW.conflict && body !== null ? [{ id, ...(JSON.parse(body) as ConflictBody) }] : [],
  );
}

/**
 * What the hub holds of a machine, but for what this life of its site has not seen yet: a site with a new disk has nothing to
 * say of it, and the hub keeps what it knew.
 */
function seenAt(atSite: Resource | undefined, machine: Resource): Resource {
  const kind = KINDS.find(({ prefix }) => machine.resourceId.startsWith(`${prefix}-`));
  const seen = Object.keys(atSite?.observedSources ?? {});
  const kept = Object.entries(kind?.fields ?? {}).filter(
    ([, { group }]) => group !== undefined && !seen.includes(group),
  );
  const known: Readonly<Record<string, unknown>> = atSite?.fields ?? {};
  const fields: Record<string, unknown> = { ...machine.fields };
  for (const [name] of kept) {
    if (known[name] === undefined) delete fields[name];
    else fields[name] = known[name];
  }
  const sources = Object.entries(machine.observedSources ?? {}).filter(([group]) => seen.includes(group));
  return {
    ...machine,
    ...(machine.observedSources ? { observedSources: Object.fromEntries(sources) } : {}),
    fields,
  };
}

/** Throws when two values are not the same as JSON. */
export function assertSame(actual: unknown, expected: unknown, message?: string): void {
  assert.deepStrictEqual(plain(actual), plain(expected), message);
}

function plain(value: unknown): unknown {
  return value === undefined ? undefined : JSON.parse(JSON.stringify(value));
}

/** What a site that has nothing more to say or to hear says of itself. */
export async function assertQuiet(world: World, name: string): Promise<void> {
  const { unsent, parked, intents, phase } = await world.site(name).status();
  const is = { unsent: unsent.entries, parked: parked.rows, waiting: intents.waiting, phase };
  assertSame(is, { unsent: 0, parked: 0, waiting: 0, phase: { is: "settled" } });
}

/**
 * Throws unless hub and site hold the same of every machine that the site manages, field by field and stamp by stamp, and
 * nothing is on its way. A field that a conflict is about is the same too; it only is not acted on.
 */
export async function assertAgreed(world: World, name: string): Promise<void> {
  const site = world.site(name);
  const hub = world.hub.running.store;
  const [atHub, atSite] = [await machinesIn(hub, site.id), await machinesIn(site.node.store, site.id)];
  assertSame([...atSite.keys()].toSorted(), [...atHub.keys()].toSorted(), "which machines there are");
  const contested = new Set((await conflictsFor(hub, site.id)).map(({ resourceId }) => resourceId));
  for (const [id, machine] of atHub) {
    assertSame(atSite.get(id), seenAt(atSite.get(id), machine));
    if (!contested.has(id)) assertSame(machine.observedGeneration ?? machine.generation, machine.generation);
    assert.doesNotMatch(String(machine.fields.desiredState), /_STATE_DELETED$/);
  }
  await assertQuiet(world, name);
}

/** Waits until hub and site agree. */
export async function agree(world: World, name: string): Promise<void> {
  await eventually(async () => {
    await world.clock.advance(5_000);
    await assertAgreed(world, name);
  });
}

/** All that operators want of a machine, as hub and site hold it: field by field the same, and nothing besides. */
export async function wanted(world: World, name: string, id: string): Promise<Record<string, unknown>> {
  const [atHub, atSite] = [world.hub.running.store, world.site(name).node.store].map(async (store) => {
    const machine = (await machinesIn(store)).get(id);
    const kind = KINDS.find(({ prefix }) => id.startsWith(`${prefix}-`));
    const fields = Object.entries(machine?.fields ?? {}).filter(([field]) => kind?.fields[field]?.owner === "operator");
    return Object.fromEntries(fields);
  });
  assertSame(await atSite, await atHub);
  return (await atHub) ?? {};
}
