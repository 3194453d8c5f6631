import { Region, Site } from "@holdfast/protocol";
import { nextTurn } from "@holdfast/runtime";
import { activityOf, SCHEDULES } from "../schedules/active.ts";
import type { View } from "../store/contract.ts";

/** For what a time is set aside at a moment. */
export interface Scheduled {
  /** Whether one is for a host, by its id, for the site that it is of, or for a region above that. */
  readonly holds: (host: string, site: string | null) => boolean;
  /** How many schedules could not be read: a version that knows more wrote them. They set nothing aside. */
  readonly unreadable: number;
}

/** So many schedules are looked at before others have their turn: working out when cron fields begin takes a while. */
const AT_ONCE = 50;

/** For what of a project a time is set aside at a moment, milliseconds since the epoch. */
export async function scheduledNow(view: View, tenant: string, now: number): Promise<Scheduled> {
  const targets = new Set<string>();
  let unreadable = 0;
  for (const kind of SCHEDULES) {
    for (const [index, schedule] of (await view.list(kind, { tenant })).resources.entries()) {
      if (index % AT_ONCE === AT_ONCE - 1) await nextTurn();
      const activity = activityOf(kind, schedule, now);
      if (activity === "unreadable") unreadable += 1;
      if (activity === "active") for (const target of targetsOf(schedule)) targets.add(target);
    }
  }
  if (targets.size === 0) return { holds: () => false, unreadable };
  const covered = await sitesOf(view, tenant, targets);
  return { holds: (host, site) => targets.has(host) || (site !== null && covered.has(site)), unreadable };
}

function targetsOf({ fields }: { readonly fields: Readonly<Record<string, unknown>> }): string[] {
  const named = [fields.targetHostId, fields.targetSiteId, fields.targetRegionId];
  return named.filter((target) => typeof target === "string").filter((target) => target !== "");
}

/** The sites among some targets, and those below the regions among them. */
async function sitesOf(view: View, tenant: string, targets: ReadonlySet<string>): Promise<ReadonlySet<string>> {
  const regions = (await view.list(Region, { tenant })).resources;
  const parents = new Map(regions.map(({ resourceId, fields }) => [resourceId, fields.parentId]));
  const sites = (await view.list(Site, { tenant })).resources.filter(({ resourceId, fields }) => {
    if (targets.has(resourceId)) return true;
    let region: unknown = fields.regionId;
    for (let deep = 0; typeof region === "string" && deep < parents.size; deep += 1) {
      if (targets.has(region)) return true;
      region = parents.get(region);
    }
    return false;
  });
  return new Set(sites.map(({ resourceId }) => resourceId));
}
