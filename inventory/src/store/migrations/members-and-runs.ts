import type { Migration } from "kysely/migration";
import { FOLLOWING, kindTable, of, type Schema, uniqueInTenant } from "./kind-table.ts";

/** Members of workloads and runs of updates have tables. Never changed; what comes later is a migration of its own. */
export const membersAndRuns: Migration = {
  async up(db: Schema) {
    const instance = { column: "instance_id", to: "instance" };
    const owner = { column: "owner_site", to: "site" };
    const member = { ...FOLLOWING, ...of("text", "kind workload_id instance_id") };
    await kindTable(db, "workload_member", member, [{ column: "workload_id", to: "workload" }, instance, owner]);
    await uniqueInTenant(db, "workload_member", ["instance_id"]);
    const run = {
      ...FOLLOWING,
      ...of("text", "name description applied_policy_id instance_id status_indicator status status_details"),
      ...of("integer", "status_timestamp start_time end_time"),
    };
    const policy = { column: "applied_policy_id", to: "os_update_policy" };
    await kindTable(db, "os_update_run", run, [policy, instance, owner]);
  },
};
