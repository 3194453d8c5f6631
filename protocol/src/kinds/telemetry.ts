import { Type } from "typebox";
import { enumeration, kind, operator, reference } from "./kind.ts";

export const TelemetryCollectorKind = enumeration("TelemetryCollectorKind", [
  "TELEMETRY_COLLECTOR_KIND_UNSPECIFIED",
  "TELEMETRY_COLLECTOR_KIND_HOST",
  "TELEMETRY_COLLECTOR_KIND_CLUSTER",
]);

export const SeverityLevel = enumeration("SeverityLevel", [
  "SEVERITY_LEVEL_UNSPECIFIED",
  "SEVERITY_LEVEL_CRITICAL",
  "SEVERITY_LEVEL_ERROR",
  "SEVERITY_LEVEL_WARN",
  "SEVERITY_LEVEL_INFO",
  "SEVERITY_LEVEL_DEBUG",
]);

const GroupName = Type.String({ minLength: 1, maxLength: 50, pattern: "^$|^[a-zA-Z-_0-9./: ]+$" });
const Source = Type.String({ maxLength: 1_000, pattern: '^$|^[a-zA-Z-_0-9.:;=@?!#*()"\\ ]+$' });

/** What is collected together, and by which collector. */
const GROUP = {
  name: operator(GroupName, { required: true, immutable: true }),
  collectorKind: operator(TelemetryCollectorKind, { required: true, immutable: true }),
  groups: operator(Type.Array(Source, { maxItems: 100 }), { required: true, immutable: true }),
};

/** Sources of logs. Its ids have the prefix of those of metrics; none is of both. */
export const TelemetryLogsGroup = kind({
  name: "telemetry_logs_group",
  prefix: "telemetrygroup",
  schemaName: "TelemetryLogsGroupResource",
  aliasIds: ["telemetryLogsGroupId"],
  fields: GROUP,
  rest: {
    collections: ["telemetry/loggroups", "telemetry/groups/logs"],
    listKey: "telemetryLogsGroups",
    plural: "TelemetryLogsGroups",
    operations: ["list", "create", "get", "delete"],
  },
});

/** Sources of metrics. */
export const TelemetryMetricsGroup = kind({
  name: "telemetry_metrics_group",
  prefix: "telemetrygroup",
  schemaName: "TelemetryMetricsGroupResource",
  aliasIds: ["telemetryMetricsGroupId"],
  fields: GROUP,
  rest: {
    collections: ["telemetry/metricgroups", "telemetry/groups/metrics"],
    listKey: "telemetryMetricsGroups",
    plural: "TelemetryMetricsGroups",
    operations: ["list", "create", "get", "delete"],
  },
});

/** Exactly one of instance, site and region that a profile is about: it is deleted with that. */
const TARGETS = {
  targetInstance: reference("instance", { maxLength: 13, pattern: "^$|^inst-[0-9a-f]{8}$", goesAlong: true }),
  targetSite: reference("site", { maxLength: 13, pattern: "^$|^site-[0-9a-f]{8}$", goesAlong: true }),
  targetRegion: reference("region", { maxLength: 15, pattern: "^$|^region-[0-9a-f]{8}$", goesAlong: true }),
};

const groupOf = (kindName: string, embedAs: string) =>
  reference(kindName, { embedAs, maxLength: 23, pattern: "^telemetrygroup-[0-9a-f]{8}$", required: true });

/** Which logs of a group are collected, down to which severity. */
export const TelemetryLogsProfile = kind({
  name: "telemetry_logs_profile",
  prefix: "telemetryprofile",
  schemaName: "TelemetryLogsProfileResource",
  aliasIds: ["profileId"],
  follows: "targetInstance",
  fields: {
    ...TARGETS,
    logLevel: operator(SeverityLevel, { required: true }),
    logsGroupId: groupOf("telemetry_logs_group", "logsGroup"),
  },
  rest: {
    collections: ["telemetry/profiles/logs"],
    listKey: "telemetryLogsProfiles",
    plural: "TelemetryLogsProfiles",
    operations: ["list", "create", "get", "put", "patch", "delete"],
  },
});

/** How often the metrics of a group are collected, in seconds. */
export const TelemetryMetricsProfile = kind({
  name: "telemetry_metrics_profile",
  prefix: "telemetryprofile",
  schemaName: "TelemetryMetricsProfileResource",
  aliasIds: ["profileId"],
  follows: "targetInstance",
  fields: {
    ...TARGETS,
    metricsInterval: operator(Type.Integer({ minimum: 1, maximum: 2_147_483_647 }), { required: true }),
    metricsGroupId: groupOf("telemetry_metrics_group", "metricsGroup"),
  },
  rest: {
    collections: ["telemetry/profiles/metrics"],
    listKey: "telemetryMetricsProfiles",
    plural: "TelemetryMetricsProfiles",
    operations: ["list", "create", "get", "put", "patch", "delete"],
  },
});
