import { cpSync, readFileSync, rmSync } from "node:fs";
import type { Hub } from "@holdfast/hub";
import { createHub } from "@holdfast/hub";
import { HubConfig } from "@holdfast/hub/config";
import { bodyOf } from "@holdfast/inventory/authority/feed-rows";
import { Host, Region, type Resource, Site, siteScope } from "@holdfast/protocol";
import { readConfig, silentLog, systemClock } from "@holdfast/runtime";
import type { Run } from "./benchmark.ts";

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
}

export interface Seed {
  readonly sites: number;
  readonly hosts: number;
}

export const PROJECT = "default";
/** One model for each tenth of the hosts. */
export const MODELS = Array.from({ length: 10 }, (_, number) => `Edge Server ${number}`);

const made = new Map<string, Promise<SeededHub>>();

/** A home of the caller's own. What is asked for again is copied, for 100,000 hosts take a while to make. */
export async function seededHub(run: Run, seed: Seed): Promise<SeededHub> {
  const key = `${seed.sites}x${seed.hosts}`;
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

async function make(home: string, { sites, hosts }: Seed): Promise<SeededHub> {
  const settings = ["--home", home, "--hub-port", "0"];
  const config = readConfig(HubConfig, { arguments: settings, environment: {} });
  const hub = await createHub(config, { clock: systemClock, log: silentLog });
  try {
    const tenant = (await hub.store.read((view) => view.tenant(PROJECT)))?.id;
    if (tenant === undefined) throw new Error("the hub has no project");
    const seeded = await makeSites(hub, tenant, sites);
    const ids = await makeHosts(hub, tenant, { seeded, hosts });
    rmSync(`${home}/hub-url`, { force: true });
    const operatorToken = readFileSync(`${home}/operator-token`, "utf8").trim();
    return { home, tenant, operatorToken, sites: seeded, hosts: ids };
  } finally {
    await hub.close();
  }
}

async function makeSites({ authority, tokens }: Hub, tenant: string, count: number): Promise<SeededSite[]> {
  const by = { actor: "operator:bench", tenant };
  const region = await authority.create(Region, { ...by, fields: { name: "north" } });
  const sites: SeededSite[] = [];
  for (let number = 0; number < count; number += 1) {
    const fields = { name: `site ${number}`, regionId: region.resourceId };
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
    const at = { observedAt: 1_790_000_000_000, observedGeneration: 1 };
    await authority.observeIn(tx, { kind: Host, tenant, id, site: first.id, ...at, fields: observedOf(0) });
    return tx.get(Host, tenant, id);
  });
  if (!template) throw new Error("the first host is not there");
  const ids = [template.resourceId];
  const perSite = Math.ceil(hosts / seeded.length);
  while (ids.length < hosts) {
    await store.write(async (tx) => {
      for (const end = Math.min(hosts, ids.length + 2_000); ids.length < end; ) {
        const number = ids.length;
        const site = seeded[Math.floor(number / perSite)]?.id ?? first.id;
        const host = copyOf(template, { number, site });
        await tx.insert(Host, host);
        await tx.appendFeed(siteScope(site), Host.name, host.resourceId, bodyOf(Host, host));
        ids.push(host.resourceId);
      }
    });
  }
  return ids;
}

function copyOf(host: Resource<typeof Host>, { number, site }: { number: number; site: string }) {
  const hex = (0x10000000 + number).toString(16);
  const own = { name: `host ${number}`, siteId: site, serialNumber: `SERIAL${number}`, ...observedOf(number) };
  const fields = { ...host.fields, ...own } as typeof host.fields;
  return { ...host, resourceId: `host-${hex}`, creation: `seed-${number}`, owner: site, observedBy: site, fields };
}

/** What a site says of a plain server with two ports and a disk. */
export function observedOf(number: number): Record<string, unknown> {
  const digits = number.toString(16).padStart(6, "0");
  const nic = (port: number) => ({
    deviceName: `eth${port}`,
    macAddr: `02:0${port}:00:${digits.slice(0, 2)}:${digits.slice(2, 4)}:${digits.slice(4, 6)}`,
    pciIdentifier: `0000:3${port}:00.0`,
    mtu: 1500,
    linkState: { type: "NETWORK_INTERFACE_LINK_STATE_UP" },
  });
  return {
    currentState: "HOST_STATE_ONBOARDED",
    hostname: `edge-${number}`,
    productName: MODELS[number % MODELS.length],
    cpuModel: "Intel(R) Xeon(R) D-2796NT CPU @ 2.00GHz",
    cpuSockets: 1,
    cpuCores: 20,
    cpuThreads: 40,
    cpuArchitecture: "x86_64",
    memoryBytes: "68719476736",
    biosVendor: "American Megatrends",
    biosVersion: "5.27",
    hostStatus: "Running",
    hostStatusIndicator: "STATUS_INDICATION_IDLE",
    hostNics: [nic(0), nic(1)],
    hostStorages: [
      { deviceName: "nvme0n1", serial: `S${number}`, model: "SSDPF2KX019T1", capacityBytes: "1920383410176" },
    ],
  };
}
