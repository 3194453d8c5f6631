import type { Kind } from "@holdfast/protocol";
import type { Shown } from "../api.ts";
import { age, cell, nameOf, state, time } from "./cell.ts";

export type Columns = Readonly<Record<string, (resource: Shown) => string>>;

/** What a table shows of each resource of a kind; its id is the first of them. */
export function columnsOf({ name }: Kind): Columns {
  return { ID: field("resourceId"), ...(OWN[name] ?? { NAME: nameOf }) };
}

/** What is known of a machine right now, with how old that is; `unknown since T` as the API says it. */
export function statusOf(resource: Shown, status: string): string {
  const { stale, ageSeconds } = (resource.observation ?? {}) as Shown;
  const text = cell(resource[status]);
  // Since when nothing is known stands in the text itself.
  return stale || typeof ageSeconds !== "number" || text === "" ? text : `${text} (${age(ageSeconds)} ago)`;
}

const field = (name: string) => (resource: Shown) => cell(resource[name]);
const within = (outer: string, name: string) => (resource: Shown) => cell((resource[outer] as Shown | null)?.[name]);

const TARGET = (resource: Shown) =>
  nameOf((resource.targetHost ?? resource.targetSite ?? resource.targetRegion) as Shown | null);
const PROFILE_TARGET = ({ targetInstance, targetSite, targetRegion }: Shown) =>
  cell(targetInstance || targetSite || targetRegion);
const PURPOSE = ({ scheduleStatus }: Shown) => state(scheduleStatus, "SCHEDULE_STATUS_");
const CRON = (resource: Shown) =>
  ["cronMinutes", "cronHours", "cronDayMonth", "cronMonth", "cronDayWeek"]
    .map((each) => cell(resource[each]))
    .join(" ");
const GROUP: Columns = { NAME: nameOf, COLLECTS: field("groups") };

const OWN: Readonly<Record<string, Columns>> = {
  host: {
    NAME: nameOf,
    SITE: ({ site, siteId }) => nameOf(site as Shown | null) || cell(siteId),
    STATUS: (host) => statusOf(host, "hostStatus"),
    POWER: ({ currentPowerState }) => state(currentPowerState, "POWER_STATE_"),
    SERIAL: field("serialNumber"),
    OS: ({ instance }) => nameOf((instance as Shown | null)?.os as Shown | null),
  },
  instance: {
    HOST: within("host", "name"),
    OS: within("os", "name"),
    STATUS: (instance) => statusOf(instance, "instanceStatus"),
    PROVISIONING: field("provisioningStatus"),
    UPDATE: field("updateStatus"),
  },
  site: { NAME: nameOf, REGION: within("region", "name") },
  region: { NAME: nameOf, PARENT: within("parentRegion", "name") },
  operating_system: {
    NAME: nameOf,
    PROFILE: field("profileName"),
    TYPE: ({ osType }) => state(osType, "OS_TYPE_"),
    SECURITY: ({ securityFeature }) => state(securityFeature, "SECURITY_FEATURE_"),
  },
  provider: {
    NAME: nameOf,
    KIND: ({ providerKind }) => state(providerKind, "PROVIDER_KIND_"),
    API: field("apiEndpoint"),
  },
  custom_config: { NAME: nameOf, DESCRIPTION: field("description") },
  os_update_policy: {
    NAME: nameOf,
    POLICY: ({ updatePolicy }) => state(updatePolicy, "UPDATE_POLICY_"),
    TARGET: within("targetOs", "name"),
  },
  os_update_run: {
    NAME: nameOf,
    INSTANCE: within("instance", "resourceId"),
    STATUS: field("status"),
    STARTED: ({ startTime }) => time(startTime),
    ENDED: ({ endTime }) => time(endTime),
  },
  workload: { NAME: nameOf, KIND: ({ kind }) => state(kind, "WORKLOAD_KIND_"), STATUS: field("status") },
  workload_member: { WORKLOAD: within("workload", "name"), INSTANCE: within("instance", "resourceId") },
  single_schedule: {
    NAME: nameOf,
    FOR: PURPOSE,
    TARGET,
    FROM: ({ startSeconds }) => time(startSeconds),
    TO: ({ endSeconds }) => time(endSeconds),
  },
  repeated_schedule: {
    NAME: nameOf,
    FOR: PURPOSE,
    TARGET,
    CRON,
    ZONE: field("timezone"),
    LASTS: ({ durationSeconds }) => (typeof durationSeconds === "number" ? age(durationSeconds) : ""),
  },
  telemetry_logs_group: GROUP,
  telemetry_metrics_group: GROUP,
  telemetry_logs_profile: {
    GROUP: within("logsGroup", "name"),
    LEVEL: ({ logLevel }) => state(logLevel, "SEVERITY_LEVEL_"),
    TARGET: PROFILE_TARGET,
  },
  telemetry_metrics_profile: {
    GROUP: within("metricsGroup", "name"),
    SECONDS: field("metricsInterval"),
    TARGET: PROFILE_TARGET,
  },
};
