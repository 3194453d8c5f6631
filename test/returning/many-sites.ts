import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createHub, type Hub } from "@holdfast/hub";
import { HubConfig } from "@holdfast/hub/config";
import { Host, Region, Site } from "@holdfast/protocol";
import { silentLog, systemClock } from "@holdfast/runtime";
import { Value } from "typebox/value";
import type { HeldHost } from "./backlog.ts";

export interface RegisteredSite {
  readonly id: string;
  readonly token: string;
  readonly hosts: readonly HeldHost[];
}

/** A hub of a test's own with sites that have a host or some each, and nobody there yet. */
export interface ManySites extends AsyncDisposable {
  readonly hub: Hub;
  readonly tenant: string;
  readonly sites: readonly RegisteredSite[];
}

export interface ManySitesOptions {
  readonly sites: number;
  readonly hostsEach: number;
  /** Of backlogs at once; the hub's own when not given. */
  readonly uplinkSlots?: number;
}

export async function manySites(options: ManySitesOptions): Promise<ManySites> {
  const { sites: count, hostsEach, uplinkSlots } = options;
  const home = mkdtempSync(join(tmpdir(), "holdfast-returning-"));
  const defaults = Value.Default(HubConfig, {}) as HubConfig;
  const config = { ...defaults, home, hubPort: 0, ...(uplinkSlots === undefined ? {} : { uplinkSlots }) };
  const hub = await createHub(config, { clock: systemClock, log: silentLog });
  const { authority, store, tokens } = hub;
  const tenant = (await store.read((view) => view.tenant("default")))?.id ?? "";
  const by = { actor: "operator:test", tenant };
  const made = await store.write(async (tx) => {
    const region = await authority.createIn(tx, Region, { ...by, fields: { name: "north" } });
    const made: { id: string; hosts: HeldHost[] }[] = [];
    for (let number = 0; number < count; number += 1) {
      const fields = { name: `site ${number}`, regionId: region.resource.resourceId };
      const siteId = (await authority.createIn(tx, Site, { ...by, fields })).resource.resourceId;
      const hosts: HeldHost[] = [];
      for (let host = 0; host < hostsEach; host += 1) {
        const fields = { name: `host ${host} of site ${number}`, siteId };
        const { resource } = await authority.createIn(tx, Host, { ...by, fields });
        hosts.push({ id: resource.resourceId, stamp: resource.stamps.name?.id ?? "" });
      }
      made.push({ id: siteId, hosts });
    }
    return made;
  });
  const sites: RegisteredSite[] = [];
  for (const { id, hosts } of made) {
    sites.push({ id, hosts, token: (await tokens.createSite({ name: id, tenant, site: id })).token });
  }
  return {
    hub,
    tenant,
    sites,
    async [Symbol.asyncDispose]() {
      await hub.close();
      rmSync(home, { recursive: true, force: true });
    },
  };
}
