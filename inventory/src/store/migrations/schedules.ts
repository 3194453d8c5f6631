import type { Migration } from "kysely/migration";
import { FOLLOWING, kindTable, of, type Schema } from "./kind-table.ts";

/** When machines, sites and regions are set aside. Never changed; what comes later is a migration of its own. */
export const schedules: Migration = {
  async up(db: Schema) {
    const schedule = {
      ...FOLLOWING,
      ...of("text", "name schedule_status target_host_id target_site_id target_region_id"),
    };
    const targets = [
      { column: "target_host_id", to: "host" },
      { column: "target_site_id", to: "site" },
      { column: "target_region_id", to: "region" },
      { column: "owner_site", to: "site" },
    ];
    await kindTable(db, "single_schedule", { ...schedule, ...of("integer", "start_seconds end_seconds") }, targets);
    const repeated = {
      ...schedule,
      ...of("integer", "duration_seconds"),
      ...of("text", "cron_minutes cron_hours cron_day_month cron_month cron_day_week timezone"),
    };
    await kindTable(db, "repeated_schedule", repeated, targets);
  },
};
