import type { AuthorityListener } from "@holdfast/inventory";
import type { Clock } from "@holdfast/runtime";
import { addValue, conflictsAbout } from "./book.ts";
import { settleDown } from "./record.ts";
import { show } from "./show.ts";
import { authorOf } from "./standing.ts";

/**
 * Keeps open conflicts true to what the authority writes: a plain write of the field is one more value, for it was not made
 * as a choice; a resource that changes hands takes its conflicts along; one that is gone ends them.
 */
export function conflictListener({ clock }: { clock: Pick<Clock, "now"> }): AuthorityListener {
  return {
    async written(tx, { resource, fields, write }) {
      for (const row of await conflictsAbout(tx, resource.tenant, resource.resourceId)) {
        if (row.field === "" || !fields.includes(row.field)) continue;
        const value = JSON.stringify((resource.fields as Readonly<Record<string, unknown>>)[row.field] ?? null);
        const told = { ...authorOf(write.actor), at: write.at, reason: null, creation: null };
        await addValue(tx, row, { write: write.id, value, ...told });
        await settleDown(tx, row, clock.now());
      }
    },
    async moved(tx, { after }) {
      for (const row of await conflictsAbout(tx, after.tenant, after.resourceId)) await show(tx, row);
    },
    async gone(tx, { resource }) {
      for (const row of await conflictsAbout(tx, resource.tenant, resource.resourceId)) {
        await settleDown(tx, row, clock.now());
      }
    },
  };
}
