import type { LookAround, Notice } from "@holdfast/inventory/api/situation";
import type { Clock } from "@holdfast/runtime";
import { openConflicts } from "../replica/conflicts.ts";

/** What the site knows beside its resources: it hears itself, and which of them people disagree about. */
export function siteSituation({ site, clock }: { site: string; clock: Pick<Clock, "now"> }): LookAround {
  return (view, tenant) => ({
    contactOf: (id) => (id === site ? { heardAt: clock.now() } : undefined),
    silentSites: [],
    notices: async (ids) => {
      const wanted = new Set(ids);
      const notices = new Map<string, Notice>();
      for (const { body } of await openConflicts(view)) {
        const { resourceId } = body;
        if (body.tenant !== tenant || !wanted.has(resourceId)) continue;
        notices.set(resourceId, { openConflicts: (notices.get(resourceId)?.openConflicts ?? 0) + 1 });
      }
      return notices;
    },
  });
}
