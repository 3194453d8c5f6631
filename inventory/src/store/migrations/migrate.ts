import type { Kysely } from "kysely";
import { type Migration, Migrator } from "kysely/migration";
import { accountsAndPolicies } from "./accounts-and-policies.ts";
import { auditable } from "./audit.ts";
import { firstKinds } from "./first-kinds.ts";
import { frozenTenants } from "./frozen-tenants.ts";
import { knownWrites } from "./known-writes.ts";
import { logs } from "./logs.ts";
import { membersAndRuns } from "./members-and-runs.ts";
import { observedUnknown } from "./observed-unknown.ts";
import { retired } from "./retired.ts";
import { revisions } from "./revisions.ts";
import { schedules } from "./schedules.ts";
import { secretKeys } from "./secret-keys.ts";
import { telemetry } from "./telemetry.ts";
import { workloads } from "./workloads.ts";

/** The inventory's own, by name. A name is for ever: a database remembers which of them it has had. */
const MIGRATIONS: Readonly<Record<string, Migration>> = {
  "0001-first-kinds": firstKinds,
  "0002-logs": logs,
  "0003-known-writes": knownWrites,
  "0004-retired": retired,
  "0005-observed-unknown": observedUnknown,
  "0006-frozen-tenants": frozenTenants,
  "0007-schedules": schedules,
  "0008-accounts-and-policies": accountsAndPolicies,
  "0009-workloads": workloads,
  "0010-audit": auditable,
  "0011-revisions": revisions,
  "0012-telemetry": telemetry,
  "0013-members-and-runs": membersAndRuns,
  "0014-secret-keys": secretKeys,
};

/** The inventory's migrations and a program's own, which come after: their names begin with a letter. */
export function migrationsWith(own: Readonly<Record<string, Migration>> = {}): Record<string, Migration> {
  const wrong = Object.keys(own).find((name) => !/^[a-z]/.test(name));
  if (wrong !== undefined) throw new TypeError(`the migration ${wrong} must have a name that begins with a letter`);
  return { ...MIGRATIONS, ...own };
}

/**
 * Brings a database to the newest version, or throws the error of the migration that failed. Whoever calls wraps it in
 * a transaction where the dialect has no transactional migrations of its own.
 */
export async function migrate(db: Kysely<unknown>, migrations: Readonly<Record<string, Migration>>): Promise<string[]> {
  const migrator = new Migrator({
    db,
    provider: { getMigrations: async () => migrations },
    // The inventory's later migrations sort before a program's that have already run.
    allowUnorderedMigrations: true,
  });
  const { error, results = [] } = await migrator.migrateToLatest();
  if (error !== undefined) throw error;
  return results.map((result) => result.migrationName);
}
