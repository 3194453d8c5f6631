import { Host, type Kind, Region, type Resource, Site } from "@holdfast/protocol";
import { seconds } from "@holdfast/runtime";
import { isActive, SCHEDULES } from "../../schedules/active.ts";
import type { Condition } from "../../store/condition.ts";
import type { View } from "../../store/contract.ts";
import { FARTHEST, type QuerySchemas } from "../query.ts";
import type { Resources, TenantView } from "../resources.ts";
import type { Call } from "./route.ts";
import { idOf, isAboutOneOf, type Target, targetsOf, withAllAround } from "./targets.ts";

/** What schedules may be asked about besides. */
export const SCHEDULE_QUERY: QuerySchemas = {
  hostId: idOf(Host, "Those that apply to this host: its own, its site's and its regions'."),
  siteId: idOf(Site, "Those that apply to this site: its own and its regions'."),
  regionId: idOf(Region, "Those that apply to this region: its own and those of the regions above."),
  unixEpoch: {
    type: "string",
    pattern: "^[0-9]+$",
    description: "Those in whose time this moment is, in seconds since the epoch.",
  },
};

/** Schedules that are looked at before others get their turn. */
const AT_ONCE = 50;

/** The last moment that a date can be (ECMA-262 §21.4.1.1), in seconds. */
const LAST_SECOND = 8_640_000_000_000;

/** The schedules of one kind that a call asks about, by page. */
export async function listSchedules(resources: Resources, kind: Kind, call: Call): Promise<object> {
  const about = await targetsOf(resources, call);
  return resources.read(call, async (seen) =>
    resources.listIn(seen, kind, { call, narrowed: await asked(seen, kind, { call, about }) }),
  );
}

/**
 * Those of all kinds, one kind after the other, by page. Without a page's size it is as long as a list can be walked: clients
 * that look for one schedule ask for all, and do not ask again.
 */
export async function listAllSchedules(resources: Resources, call: Call): Promise<object> {
  const about = await targetsOf(resources, call);
  const { pageSize = FARTHEST, offset = 0 } = call.query;
  return resources.read(call, async (seen) => {
    const page: Record<string, unknown> = {};
    let [total, skip, room] = [0, Number(offset), Number(pageSize)];
    for (const kind of SCHEDULES) {
      const narrowed = await asked(seen, kind, { call, about });
      const query = { pageSize: Math.max(room, 1), offset: skip };
      const listed = await resources.listIn(seen, kind, { call: { ...call, query }, narrowed });
      const { [kind.rest?.listKey ?? ""]: found, totalElements } = listed;
      const shown = (found as readonly unknown[]).slice(0, room);
      page[kind.rest?.listKey ?? ""] = shown;
      total += Number(totalElements);
      skip = Math.max(0, skip - Number(totalElements));
      room -= shown.length;
    }
    return { ...page, totalElements: total, hasNext: Number(offset) + Number(pageSize) - room < total };
  });
}

/** What all of the question says, as a condition. */
async function asked(
  { view, tenant }: TenantView,
  kind: Kind,
  { call, about }: { call: Call; about: readonly Target[] },
): Promise<Condition | undefined> {
  const all: Condition[] = [];
  for (const target of about) all.push(isAboutOneOf(kind, await withAllAround(view, tenant.id, target)));
  const { unixEpoch } = call.query;
  if (typeof unixEpoch === "string") {
    const at = seconds(Math.min(Number(unixEpoch), LAST_SECOND));
    const candidates = await view.list(kind, { tenant: tenant.id, where: { is: "and", of: all } });
    all.push(oneOf(await activeAmong(view, kind, { schedules: candidates.resources, at })));
  }
  return all.length > 0 ? { is: "and", of: all } : undefined;
}

/** Working out when cron fields begin takes a while: others get their turn between. */
async function activeAmong(
  view: View,
  kind: Kind,
  { schedules, at }: { readonly schedules: readonly Resource[]; readonly at: number },
): Promise<string[]> {
  const active: string[] = [];
  for (const [index, schedule] of schedules.entries()) {
    if (index % AT_ONCE === AT_ONCE - 1) await view.letOthers();
    if (isActive(kind, schedule, at)) active.push(schedule.resourceId);
  }
  return active;
}

function isResource(id: string): Condition {
  return { is: "compare", path: ["resourceId"], operator: "equal", value: id };
}

/** In halves of halves: a database takes no expression that is a thousand deep. */
function oneOf(ids: readonly string[]): Condition {
  if (ids.length < 3) return { is: "or", of: ids.map((id) => isResource(id)) };
  const middle = Math.ceil(ids.length / 2);
  return { is: "or", of: [oneOf(ids.slice(0, middle)), oneOf(ids.slice(middle))] };
}
