import type { Migration } from "kysely/migration";
import { kindTable, of, type Schema, uniqueAmongStanding, uniqueInTenant, withReferences } from "./kind-table.ts";

/**
 * Local accounts, first-boot configuration and update policies have tables, and instances refer to them with real foreign
 * keys. Never changed; what comes later is a migration of its own.
 */
export const accountsAndPolicies: Migration = {
  async up(db: Schema) {
    const retired = of("integer", "retired");
    await kindTable(db, "local_account", { ...of("text", "username ssh_key"), ...retired }, []);
    await uniqueAmongStanding(db, "local_account", ["username"]);
    await kindTable(db, "custom_config", { ...of("text", "name description config"), ...retired }, []);
    await uniqueAmongStanding(db, "custom_config", ["name"]);
    const policy = of("text", "name description update_sources update_packages update_kernel_command");
    const target = of("text", "target_os_id update_policy");
    await kindTable(db, "os_update_policy", { ...policy, ...target, ...retired }, [
      { column: "target_os_id", to: "operating_system" },
    ]);
    await withReferences(db, "instance", [
      { column: "host_id", to: "host" },
      { column: "os_id", to: "operating_system" },
      { column: "local_account_id", to: "local_account" },
      { column: "os_update_policy_id", to: "os_update_policy" },
      { column: "owner_site", to: "site" },
    ]);
    await uniqueInTenant(db, "instance", ["host_id"]);
  },
};
