import type { Kind } from "@holdfast/protocol";
import { type RawBuilder, sql } from "kysely";
import { SINCE, unknownSince, unseenFields } from "../unseen.ts";
import type { Column } from "./table.ts";

/** By site: since when it is silent, milliseconds since the epoch. */
export type SilentSites = ReadonlyMap<string, number>;

/**
 * The silent sites as a table of one statement, to be put before it: so conditions and order see what is shown of their
 * machines, and no row is written when a site falls silent. Empty when no site is.
 */
export function withSilentSites(silent: SilentSites | undefined): RawBuilder<unknown> {
  if (!silent || silent.size === 0) return sql``;
  const rows = [...silent].map(([site, since]) => sql`(${site}, ${unknownSince(since)})`);
  return sql`with silent_site(site, status) as materialized (values ${sql.join(rows)}) `;
}

const SILENT = sql`(select site from silent_site)`;

/** Whether the machine in the row under an alias is managed by a silent site, or was last seen by one. */
export function isUnseen(alias: string): RawBuilder<boolean> {
  const [owner, observer] = sitesOf(alias);
  return sql<boolean>`coalesce(${owner} in ${SILENT} or ${observer} in ${SILENT}, 1 = 0)`;
}

/** A column of the row under an alias as it is shown while sites are silent. */
export function shownColumn(kind: Kind, alias: string, column: Column): RawBuilder<unknown> {
  const ref = sql.ref(`${alias}.${column.name}`);
  const filled = unseenFields(kind).get(column.field);
  if (filled === undefined) return ref;
  const instead = filled === SINCE ? earliestStatus(alias) : sql`${filled}`;
  return sql`case when ${isUnseen(alias)} then ${instead} else ${ref} end`;
}

function earliestStatus(alias: string): RawBuilder<unknown> {
  const [owner, observer] = sitesOf(alias);
  return sql`(select min(status) from silent_site where site in (${owner}, ${observer}))`;
}

function sitesOf(alias: string) {
  return [sql.ref(`${alias}.owner_site`), sql.ref(`${alias}.observed_by`)] as const;
}
