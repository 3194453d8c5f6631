import { sql } from "kysely";
import type { World } from "../world/world.ts";

/** What the log of changes says of each write whose value stood for a while: nothing of whether anybody knows that it does not. */
export const PASSING = ["create", "update"];

/** All that a database holds for people to see, as text, but for changes of the kinds that are left out. */
export async function everythingIn(
  store: World["hub"]["running"]["store"],
  leftOut: readonly string[] = [],
): Promise<string> {
  return store.read(async (view) => {
    const tables = view.tables<Record<string, unknown>>();
    const names = await sql<{ name: string }>`select name from sqlite_master where type = 'table'`.execute(tables);
    const all: string[] = [];
    for (const { name } of names.rows) {
      if (name.startsWith("sqlite_")) continue;
      const { rows } = await sql`select * from ${sql.table(name)}`.execute(tables);
      // That a write could not apply is noted for the machines: people are shown it as a conflict, or as an event.
      const told = (rows as { operation?: string }[]).filter(
        ({ operation = "" }) => operation !== "conflict" && !leftOut.includes(operation),
      );
      all.push(JSON.stringify(told, (_, each) => (typeof each === "bigint" ? String(each) : each)));
    }
    return all.join("\n");
  });
}
