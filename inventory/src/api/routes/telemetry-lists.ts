import { Instance, type Kind, Region, Site } from "@holdfast/protocol";
import type { Condition } from "../../store/condition.ts";
import type { QuerySchemas } from "../query.ts";
import type { Resources } from "../resources.ts";
import type { Call } from "./route.ts";
import { idOf, isAboutOneOf, targetsOf, withAllAround } from "./targets.ts";

/** What telemetry profiles may be asked about besides. */
export const PROFILE_QUERY: QuerySchemas = {
  instanceId: idOf(Instance, "Those that are about this instance."),
  siteId: idOf(Site, "Those that are about this site."),
  regionId: idOf(Region, "Those that are about this region."),
  showInherited: {
    type: "boolean",
    description: "Those too that are about what it is in: the site of its host, and regions all the way up.",
  },
};

/** The telemetry profiles of one kind that a call asks about, by page. */
export async function listProfiles(resources: Resources, kind: Kind, call: Call): Promise<object> {
  const about = await targetsOf(resources, call);
  return resources.read(call, async (seen) => {
    const all: Condition[] = [];
    for (const target of about) {
      const inherited = call.query.showInherited === true;
      const targets = inherited ? await withAllAround(seen.view, seen.tenant.id, target) : [target];
      all.push(isAboutOneOf(kind, targets));
    }
    return resources.listIn(seen, kind, { call, narrowed: all.length > 0 ? { is: "and", of: all } : undefined });
  });
}
