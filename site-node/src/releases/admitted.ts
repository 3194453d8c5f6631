import type { Transaction, View } from "@holdfast/inventory";
import type { Known } from "@holdfast/protocol/manifest/admit";
import { sql } from "kysely";
import type { Migration } from "kysely/migration";
import { siteTables } from "../database/tables.ts";

/** The newest manifest of each line that this site has admitted: what is older is refused from then on. */
export const admittedMigration: Migration = {
  async up(db) {
    await sql
      .raw(
        `create table admitted_manifest (
          line text not null primary key, sequence integer not null, version text not null, manifest_hash text not null)`,
      )
      .execute(db);
  },
};

export async function readAdmitted(view: View): Promise<ReadonlyMap<string, Known>> {
  const rows = await siteTables(view).selectFrom("admitted_manifest").selectAll().execute();
  return new Map(
    rows.map(({ line, sequence, version, manifest_hash }) => [
      line,
      { sequence, version, manifestHash: manifest_hash },
    ]),
  );
}

export async function writeAdmitted(transaction: Transaction, line: string, known: Known): Promise<void> {
  const row = { sequence: known.sequence, version: known.version, manifest_hash: known.manifestHash };
  await siteTables(transaction)
    .insertInto("admitted_manifest")
    .values({ line, ...row })
    .onConflict((conflict) => conflict.column("line").doUpdateSet(row))
    .execute();
}
