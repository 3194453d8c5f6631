import { statfsSync } from "node:fs";
import { type DiskWatch, EVERY_TENANT, type Store, type View } from "@holdfast/inventory";
import { Site } from "@holdfast/protocol";
import { counter, gauge, type MetricFamily, type MetricSample } from "@holdfast/runtime";
import type { Contacts } from "../contacts/contacts.ts";
import { VERSION } from "../version.ts";

interface Parts {
  readonly home: string;
  readonly store: Pick<Store, "read">;
  readonly contacts: Pick<Contacts, "silentSites">;
  readonly disk: Pick<DiskWatch, "trouble">;
  /** How many requests a site holds open. */
  readonly openRequests: (site: string) => number;
}

/** What the hub tells of itself. */
export async function hubFamilies({ home, store, contacts, disk, openRequests }: Parts): Promise<MetricFamily[]> {
  const { bavail, bsize } = statfsSync(home);
  const counted = await store.read(countedIn);
  const sites = await store.read(async (view) =>
    (await view.list(Site, { tenant: EVERY_TENANT })).resources.map((site) => site.resourceId),
  );
  const silent = new Set(contacts.silentSites());
  const following = sites.filter((site) => openRequests(site) > 0).length;
  return [
    gauge("holdfast_build_info", "Which program this is, in which version.", [
      { labels: { program: "hub", version: VERSION }, value: 1 },
    ]),
    gauge("holdfast_sites", "Sites that there are.", sites.length),
    gauge(
      "holdfast_sites_silent",
      "Sites that were heard once and are silent now.",
      sites.filter((site) => silent.has(site)).length,
    ),
    gauge("holdfast_sites_following", "Sites that hold a request for their feed open.", following),
    gauge("holdfast_feed_position", "How far the hub's feeds have got.", counted.feed),
    counter("holdfast_audit_entries_total", "Entries in the audit log.", counted.audit),
    gauge("holdfast_uplink_entries", "Entries that sites have sent in their present lives.", counted.uplink),
    gauge("holdfast_uplink_quarantined_entries", "Entries of sites that could not be applied.", counted.quarantined),
    gauge("holdfast_conflicts_open", "Conflicts that wait for an operator.", counted.conflicts),
    gauge("holdfast_holds", "Sites at which nothing disruptive is done.", counted.holds),
    gauge("holdfast_commands", "Commands of the last 30 days, by how far they have got.", counted.commands),
    gauge("holdfast_disk_free_bytes", "Room on the disk that the home is on.", bavail * bsize),
    gauge("holdfast_disk_trouble", "1 while the disk does not take what is written.", disk.trouble ? 1 : 0),
  ];
}

async function countedIn(view: View) {
  const number = async (sql: string) => Number((await view.rows<{ n: number | null }>(sql, []))[0]?.n ?? 0);
  const statuses = await view.rows<{ status: string; n: number }>(
    "select status, count(*) as n from command group by status",
    [],
  );
  return {
    feed: await number("select value as n from sequence where name = 'feed'"),
    audit: await number("select value as n from sequence where name = 'change'"),
    uplink: await number("select sum(cursor) as n from uplink_stream"),
    quarantined: await number("select count(*) as n from quarantine"),
    conflicts: await number("select count(*) as n from open_conflict"),
    holds: await number("select count(*) as n from hub_hold"),
    commands: statuses.map(({ status, n }): MetricSample => ({ labels: { status }, value: n })),
  };
}
