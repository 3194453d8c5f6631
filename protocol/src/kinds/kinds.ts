import { CustomConfig } from "./custom-config.ts";
import { Host } from "./host.ts";
import { Instance } from "./instance.ts";
import type { Kind } from "./kind.ts";
import { LocalAccount } from "./local-account.ts";
import { OperatingSystem } from "./operating-system.ts";
import { OsUpdatePolicy } from "./os-update-policy.ts";
import { OsUpdateRun } from "./os-update-run.ts";
import { Provider } from "./provider.ts";
import { Region } from "./region.ts";
import { RepeatedSchedule, SingleSchedule } from "./schedule.ts";
import { Site } from "./site.ts";
import {
  TelemetryLogsGroup,
  TelemetryLogsProfile,
  TelemetryMetricsGroup,
  TelemetryMetricsProfile,
} from "./telemetry.ts";
import { Workload } from "./workload.ts";
import { WorkloadMember } from "./workload-member.ts";

/** Every kind that is stored and served, referred-to before referring. */
export const KINDS: readonly Kind[] = [
  Region,
  Provider,
  Site,
  OperatingSystem,
  LocalAccount,
  CustomConfig,
  OsUpdatePolicy,
  Host,
  Instance,
  OsUpdateRun,
  Workload,
  WorkloadMember,
  SingleSchedule,
  RepeatedSchedule,
  TelemetryLogsGroup,
  TelemetryMetricsGroup,
  TelemetryLogsProfile,
  TelemetryMetricsProfile,
];

const BY_NAME = new Map(KINDS.map((kind) => [kind.name, kind]));

/** A served kind by its name; undefined when there is none. */
export function kindNamed(name: string): Kind | undefined {
  return BY_NAME.get(name);
}

/** The served kind that an id belongs to, by its prefix: the first of those that share one; undefined when none has it. */
export function kindOfId(id: string): Kind | undefined {
  const prefix = id.slice(0, id.lastIndexOf("-"));
  return KINDS.find((kind) => kind.prefix === prefix);
}
