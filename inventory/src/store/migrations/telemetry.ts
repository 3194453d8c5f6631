import type { Migration } from "kysely/migration";
import { FOLLOWING, kindTable, of, type Schema } from "./kind-table.ts";

/** What is collected of machines, and of which. Never changed; what comes later is a migration of its own. */
export const telemetry: Migration = {
  async up(db: Schema) {
    const group = of("text", "name collector_kind groups");
    const profile = { ...FOLLOWING, ...of("text", "target_instance target_site target_region") };
    const targets = [
      { column: "target_instance", to: "instance" },
      { column: "target_site", to: "site" },
      { column: "target_region", to: "region" },
      { column: "owner_site", to: "site" },
    ];
    await kindTable(db, "telemetry_logs_group", group, []);
    await kindTable(db, "telemetry_metrics_group", group, []);
    await kindTable(db, "telemetry_logs_profile", { ...profile, ...of("text", "log_level logs_group_id") }, [
      ...targets,
      { column: "logs_group_id", to: "telemetry_logs_group" },
    ]);
    const metrics = { ...profile, ...of("integer", "metrics_interval"), ...of("text", "metrics_group_id") };
    await kindTable(db, "telemetry_metrics_profile", metrics, [
      ...targets,
      { column: "metrics_group_id", to: "telemetry_metrics_group" },
    ]);
  },
};
