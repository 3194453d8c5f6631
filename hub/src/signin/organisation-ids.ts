import type { View } from "@holdfast/inventory";
import type { HubTables } from "../tables.ts";

/** The id of the organisation that a name or an id stands for; an id before a name. Undefined when there is none. */
export async function organisationId(view: Pick<View, "tables">, nameOrId: string): Promise<string | undefined> {
  const rows = await view
    .tables<HubTables>()
    .selectFrom("organisation")
    .select(["id", "name"])
    .where((where) => where.or([where("id", "=", nameOrId), where("name", "=", nameOrId)]))
    .execute();
  return (rows.find(({ id }) => id === nameOrId) ?? rows[0])?.id;
}

/** Ids of as many organisations as are asked for, by name. */
export async function organisationIds(view: Pick<View, "tables">, most: number): Promise<readonly string[]> {
  const organisations = view.tables<HubTables>().selectFrom("organisation").select("id").orderBy("name").limit(most);
  return (await organisations.execute()).map(({ id }) => id);
}
