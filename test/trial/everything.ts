import { sql } from "kysely";
import type { World } from "../world/world.ts";

/** All that a database holds for people to see, as text. */
export async function everythingIn(store: World["hub"]["running"]["store"]): Promise<string> {
  return store.read(async (view) => {
    const tables = view.tables<Record<string, unknown>>();
    const names = await sql<{ name: string }>`select name from sqlite_master where type = 'table'`.execute(tables);
    const all: string[] = [];
    for (const { name } of names.rows) {
      if (name.startsWith("sqlite_")) continue;
      const { rows } = await sql`select * from ${sql.table(name)}`.execute(tables);
      // That a write could not apply is noted for the machines: people are shown it as a conflict, or as an event.
      const told = (rows as { operation?: string }[]).filter(({ operation }) => operation !== "conflict");
      all.push(JSON.stringify(told, (_, each) => (typeof each === "bigint" ? String(each) : each)));
    }
    return all.join("\n");
  });
}
