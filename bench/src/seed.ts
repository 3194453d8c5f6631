import { cpSync, readFileSync, rmSync } from "node:fs";
import type { Hub } from "@holdfast/hub";
import { createHub } from "@holdfast/hub";
import { HubConfig } from "@holdfast/hub/config";
import { bodyOf } from "@holdfast/inventory/authority/feed-rows";
import { Host, Region, type Resource, Site, siteScope } from "@holdfast/protocol";
import { readConfig, silentLog, systemClock } from "@holdfast/runtime";
import type { Run } from "./benchmark.ts";
import { furnish } from "./furnish.ts";
import { OBSERVED_AT, observedOf } from "./observed-host.ts";

export interface SeededSite {
  readonly id: string;
  readonly token: string;
}

/** A hub's home with sites and their hosts, made as the hub makes them. */
export interface SeededHub {
  readonly home: string;
  readonly tenant: string;
  readonly operatorToken: string;
  readonly sites: readonly SeededSite[];
  readonly hosts: readonly string[];
  /** All of them, a country before its cities. */
  readonly regions: readonly string[];
}

export interface Seed {
  readonly sites: number;
  readonly hosts: number;
  /** `in use`: with a tree of regions, an instance on each host, and all that instances, sites and hosts refer to. */
  readonly project?: "in use";
}

export const PROJECT = "default";

const made = new Map<string, Promise<SeededHub>>();

/** A home of the caller's own. What is asked for again is copied, for 100,000 hosts take a while to make. */
export async function seededHub(run: Run, seed: Seed): Promise<SeededHub> {
  const key = `${seed.sites}x${seed.hosts}${seed.project ? "-in-use" : ""}`;
  const known = made.get(key);
  if (!known) {
    run.tell(`making a hub of ${seed.sites} sites and ${seed.hosts} hosts`);
    made.set(key, make(run.folder(`seed-${key}`), seed));
  }
  const original = await (known ?? (made.get(key) as Promise<SeededHub>));
  const home = run.folder("hub");
  cpSync(original.home, home, { recursive: true });
  return { ...original, home };
}

async function make(home: string, { sites, hosts, project }: Seed): Promise<SeededHub> {
  const settings = ["--home", home, "--hub-port", "0"];
  const config = readConfig(HubConfig, { arguments: settings, environment: {} });
  const hub = await createHub(config, { clock: systemClock, log: silentLog });
  try {
    const tenant = (await hub.store.read((view) => view.tenant(PROJECT)))?.id;
    if (tenant === undefined) throw new Error("the hub has no project");
    const regions = await makeRegions(hub, tenant, project === "in use" ? { countries: 5, cities: 19 } : ONE_REGION);
    const seeded = await makeSites(hub, tenant, { regions, count: sites });
    const ids = await makeHosts(hub, tenant, { seeded, hosts });
    if (project === "in use") {
      const at = (number: number) => siteOf(number, { seeded, hosts })?.id ?? "";
      const placed = ids.map((id, number) => ({ id, site: at(number) }));
      await furnish(hub, { tenant, sites: seeded.map(({ id }) => id), hosts: placed });
    }
    rmSync(`${home}/hub-url`, { force: true });
    const operatorToken = readFileSync(`${home}/operator-token`, "utf8").trim();
    return { home, tenant, operatorToken, sites: seeded, hosts: ids, regions };
  } finally {
    await hub.close();
  }
}

const ONE_REGION = { countries: 1, cities: 0 };

async function makeRegions(
  { authority }: Hub,
  tenant: string,
  { countries, cities }: { countries: number; cities: number },
): Promise<string[]> {
  const made = async (name: string, parentId?: string) => {
    const fields = { name, ...(parentId === undefined ? {} : { parentId }) };
    return (await authority.create(Region, { actor: "operator:bench", tenant, fields })).resourceId;
  };
  const ids: string[] = [];
  for (let country = 0; country < countries; country += 1) {
    const id = await made(country === 0 ? "north" : `country ${country}`);
    ids.push(id);
    for (let city = 0; city < cities; city += 1) ids.push(await made(`city ${country} ${city}`, id));
  }
  return ids;
}

async function makeSites(
  { authority, tokens }: Hub,
  tenant: string,
  { regions, count }: { regions: readonly string[]; count: number },
): Promise<SeededSite[]> {
  const by = { actor: "operator:bench", tenant };
  const sites: SeededSite[] = [];
  for (let number = 0; number < count; number += 1) {
    const fields = { name: `site ${number}`, regionId: regions[number % regions.length] };
    const { resourceId: id } = await authority.create(Site, { ...by, fields });
    const { token } = await tokens.createSite({ name: id, tenant, site: id });
    sites.push({ id, token });
  }
  return sites;
}

/** The first host goes the hub's own way; the others are its copies, with names of their own. */
async function makeHosts(
  { authority, store }: Hub,
  tenant: string,
  { seeded, hosts }: { seeded: readonly SeededSite[]; hosts: number },
): Promise<string[]> {
  const [first] = seeded;
  if (!first || hosts === 0) return [];
  const template = await store.write(async (tx) => {
    const fields = { name: "host 0", siteId: first.id, desiredState: "HOST_STATE_ONBOARDED", serialNumber: "SERIAL0" };
    const made = await authority.createIn(tx, Host, { actor: "operator:bench", tenant, fields });
    const id = made.resource.resourceId;
    const at = { observedAt: OBSERVED_AT, observedGeneration: 1 };
    await authority.observeIn(tx, { kind: Host, tenant, id, site: first.id, ...at, fields: observedOf(0) });
    return tx.get(Host, tenant, id);
  });
  if (!template) throw new Error("the first host is not there");
  const ids = [template.resourceId];
  while (ids.length < hosts) {
    await store.write(async (tx) => {
      for (const end = Math.min(hosts, ids.length + 2_000); ids.length < end; ) {
        const number = ids.length;
        const site = siteOf(number, { seeded, hosts })?.id ?? first.id;
        const host = copyOf(template, { number, site });
        await tx.insert(Host, host);
        await tx.appendFeed(siteScope(site), Host.name, host.resourceId, bodyOf(Host, host));
        ids.push(host.resourceId);
      }
    });
  }
  return ids;
}

function siteOf(number: number, { seeded, hosts }: { seeded: readonly SeededSite[]; hosts: number }) {
  return seeded[Math.floor(number / Math.ceil(hosts / seeded.length))];
}

function copyOf(host: Resource<typeof Host>, { number, site }: { number: number; site: string }) {
  const hex = (0x10000000 + number).toString(16);
  const own = { name: `host ${number}`, siteId: site, serialNumber: `SERIAL${number}`, ...observedOf(number) };
  const fields = { ...host.fields, ...own } as typeof host.fields;
  return { ...host, resourceId: `host-${hex}`, creation: `seed-${number}`, owner: site, observedBy: site, fields };
}
