import type { Fleet, Site } from "./fleet.ts";
import { HOSTS, type Json, type Party, PROJECT } from "./party.ts";

/** What each side says in its own words: when it heard of a thing, and how long ago that is. */
const OWN_WORDS = ["observation", "timestamps"];

/** What stands between the fleet and being of one mind: nothing when every site and the hub show the same, and are at rest. */
export async function disagreements(fleet: Fleet, doubted: ReadonlySet<string>): Promise<string[]> {
  const hosts = await fleet.atHub.all(HOSTS, "hosts");
  const conflicts = await fleet.atHub.all(`${PROJECT}/conflicts`, "conflicts");
  const found = await Promise.all(fleet.sites.map((site) => atSite(fleet, site, { hosts, conflicts, doubted })));
  const doubled = fleet.machines.flatMap(({ name, uuid, hostId }) => {
    const known = hosts.filter((host) => host.uuid === uuid).map(({ resourceId }) => resourceId);
    return known.length === 1 && known[0] === hostId ? [] : [`${name} is ${hostId}, and the hub shows it as ${known}`];
  });
  return [...found.flat(), ...doubled];
}

interface AtHub {
  readonly hosts: readonly Json[];
  readonly conflicts: readonly Json[];
  /** Hosts of which nobody knew for a while whether they are there. */
  readonly doubted: ReadonlySet<string>;
}

async function atSite(fleet: Fleet, site: Site, { hosts, conflicts, doubted }: AtHub): Promise<string[]> {
  const { name, id, party } = site;
  const own = (each: Json) => each.siteId === id;
  const shown = (await party.all(HOSTS, "hosts")).filter(own);
  return [
    ...differences(`${name}:`, byId(hosts.filter(own), "resourceId"), byId(shown, "resourceId")),
    ...(await unsettled(fleet.atHub, site, doubted)),
    ...machinesOf(site, shown),
    ...(await contested(site, conflicts)),
  ];
}

/** What a site has still to do, and what the hub could not take of it. */
async function unsettled(atHub: Party, { name, id, party }: Site, doubted: ReadonlySet<string>): Promise<string[]> {
  const { unsent, parked, intents, phase, refusedState, counters } = await party.ask("GET", "/v1/status");
  const { silentSince, refused } = await atHub.ask("GET", `${PROJECT}/sites/${id}/status`);
  const { entries } = await atHub.ask("GET", `${PROJECT}/sites/${id}/quarantine`);
  const refusedThere = refusedState.first.filter((row: Json) => !doubted.has(row.id));
  const setAside = entries.filter(({ entry }: Json) => ![...doubted].some((host) => entry.includes(`"${host}"`)));
  const levels = {
    "entries unsent": unsent.entries,
    "rows parked": parked.rows,
    "intents waiting": intents.waiting,
    "phase other than settled": phase.is === "settled" ? 0 : phase.is,
    "observations refused": refusedThere.length,
    "malformed rows": counters["feed-rows-malformed"] ?? 0,
    "silent for the hub since": silentSince ?? 0,
    "turned away by the hub": refused ? refused.reason : 0,
    "in quarantine": setAside.length === 0 ? 0 : JSON.stringify(setAside),
  };
  return Object.entries(levels).flatMap(([what, level]) => (level === 0 ? [] : [`${name}: ${what}: ${level}`]));
}

/** The machines that are on are shown so, with the hardware that they have now. */
function machinesOf({ name, machines }: Site, hosts: readonly Json[]): string[] {
  return machines.flatMap((machine) => {
    const host = hosts.find(({ resourceId }) => resourceId === machine.hostId);
    if (!host) return [`${name} does not show ${machine.name}, ${machine.hostId}`];
    if (machine.isOff) return [];
    const [is, shown] = [`${machine.hostname} Running`, `${host.hostname} ${host.hostStatus}`];
    return is === shown ? [] : [`${machine.name} is "${is}" and shown as "${shown}"`];
  });
}

/** A site shows the conflicts that concern it, as the hub does. */
async function contested({ name, id, party }: Site, atHub: readonly Json[]): Promise<string[]> {
  const here = await party.all(`${PROJECT}/conflicts`, "conflicts");
  const theirs = byId(here, "id");
  const concerned = atHub.filter((each) => theirs.has(each.id) || each.values.some(({ by }: Json) => by === id));
  return differences(`${name}: conflict`, byId(concerned, "id"), theirs);
}

function byId(list: readonly Json[], key: string): ReadonlyMap<string, Json> {
  return new Map(list.map((each) => [each[key], each]));
}

function differences(of: string, atHub: ReadonlyMap<string, Json>, atSite: ReadonlyMap<string, Json>): string[] {
  return [...new Set([...atHub.keys(), ...atSite.keys()])].flatMap((id) => {
    const [hub, site] = [atHub.get(id), atSite.get(id)];
    if (!hub || !site) return [`${of} ${id} is shown at the ${hub ? "hub" : "site"} alone`];
    const fields = [...new Set([...Object.keys(hub), ...Object.keys(site)])].filter(
      (each) => !OWN_WORDS.includes(each),
    );
    return fields.flatMap((field) => {
      const [left, right] = [said(hub[field]), said(site[field])];
      return left === right ? [] : [`${of} ${id}: ${field} is ${left} at the hub and ${right} at the site`];
    });
  });
}

/** A value as text, the members of objects in the order of their names. */
function said(value: unknown): string {
  const inOrder = (_: string, each: unknown) =>
    each !== null && typeof each === "object" && !Array.isArray(each)
      ? Object.fromEntries(
          Object.entries(each)
            .filter(([name]) => !OWN_WORDS.includes(name))
            .sort(([one], [other]) => (one < other ? -1 : 1)),
        )
      : each;
  return JSON.stringify(value, inOrder) ?? "nothing";
}
