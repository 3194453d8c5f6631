import { gauge, type MetricFamily } from "@holdfast/runtime";
import type { siteStatus } from "../api/status.ts";

type Status = Awaited<ReturnType<typeof siteStatus>>;

/** What the site-node tells of itself: the numbers of its status. */
export function siteFamilies(status: Status): MetricFamily[] {
  const { site, version, hub, unsent, replica, conflicts, hold, hosts, idsLeft, disk, intents } = status;
  const lanes = Object.entries(unsent.lanes as Record<string, { entries: number; oldestAgeMs: number }>);
  return [
    gauge("holdfast_build_info", "Which program this is, in which version.", [
      { labels: { program: "site", version, site }, value: 1 },
    ]),
    ...(hub.heardAgeMs === null
      ? []
      : [gauge("holdfast_hub_heard_age_seconds", "How long ago the hub was heard.", hub.heardAgeMs / 1_000)]),
    gauge(
      "holdfast_outbox_entries",
      "What waits to be sent to the hub, by lane.",
      lanes.map(([lane, { entries }]) => ({ labels: { lane }, value: entries })),
    ),
    gauge(
      "holdfast_outbox_oldest_age_seconds",
      "How old the oldest of it is: what only this disk has.",
      unsent.oldestAgeMs / 1_000,
    ),
    gauge(
      "holdfast_feed_position",
      "How far the site has followed the hub's feeds, by scope.",
      replica.map(({ scope, position }) => ({
        labels: { scope: scope.split(":")[0] ?? scope },
        value: Number.parseInt(position, 10),
      })),
    ),
    gauge("holdfast_local_intents_open", "What was wanted at the site and the hub has not shown yet.", intents.waiting),
    gauge("holdfast_conflicts_open", "Conflicts that wait for an operator.", conflicts.open),
    gauge("holdfast_holds", "1 while nothing disruptive is done at the site.", hold === null ? 0 : 1),
    gauge("holdfast_hosts", "Hosts that the site holds.", hosts.held),
    gauge("holdfast_broker_connections", "Hosts whose agent is connected to the broker.", hosts.connected),
    gauge("holdfast_ids_left", "Ids that are left to make resources with while the hub is away.", idsLeft),
    gauge("holdfast_disk_trouble", "1 while the disk does not take what is written.", disk === null ? 0 : 1),
  ];
}
