import type { View } from "@holdfast/inventory";
import type { LookAround, Notice } from "@holdfast/inventory/api/situation";
import { sql } from "kysely";
import type { Contacts } from "./contacts/contacts.ts";

/** What the hub knows beside its resources: which sites it hears, which machines are elsewhere, what people disagree about. */
export function hubSituation(contacts: Pick<Contacts, "contactOf" | "silentSites">): LookAround {
  return (view, tenant) => ({
    contactOf: (site) => contacts.contactOf(site),
    get silentSites() {
      return contacts.silentSites();
    },
    notices: (ids) => noticesOf(view, tenant, ids),
  });
}

interface Row {
  readonly id: string;
  readonly conflicts: number;
  readonly site: string | null;
  readonly since: number | null;
}

const ANY = `select exists (select 1 from open_conflict where tenant = ?)
  or exists (select 1 from arrival where tenant = ?) as any`;

/** Whether there is anything to be said of anything: asked with every answer, and mostly the end of it. */
async function hasAny(view: View, tenant: string): Promise<boolean> {
  const [found] = await view.rows<{ any: unknown }>(ANY, [tenant, tenant]);
  return Boolean(found?.any);
}

async function noticesOf(view: View, tenant: string, ids: readonly string[]): Promise<ReadonlyMap<string, Notice>> {
  const notices = new Map<string, Notice>();
  if (ids.length === 0 || !(await hasAny(view, tenant))) return notices;
  const among = sql.join(ids);
  const { rows } = await sql<Row>`select resource_id as id, count(*) as conflicts, null as site, null as since
    from open_conflict where tenant = ${tenant} and resource_id in (${among}) group by resource_id
    union all select host, 0, site, since from arrival where tenant = ${tenant} and host in (${among})`.execute(
    view.tables(),
  );
  for (const { id, conflicts, site, since } of rows) {
    const openConflicts = Number(conflicts);
    notices.set(id, {
      ...notices.get(id),
      ...(openConflicts > 0 ? { openConflicts } : {}),
      ...(site === null ? {} : { misplaced: { siteId: site, since: Number(since) } }),
    });
  }
  return notices;
}
