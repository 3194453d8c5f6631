import type { Kind, Resource } from "@holdfast/protocol";
import type { View } from "../store/contract.ts";
import { installationInputs } from "./installation-inputs.ts";
import { regionTree } from "./region-tree.ts";
import { futureAndForward, knownTimezone, oneTargetOfSchedule } from "./schedule-rules.ts";
import { oneTargetOfProfile, someLevel } from "./telemetry-rules.ts";
import { updatePolicyFields } from "./update-policy-fields.ts";

/** What a write makes of a resource; `before` is undefined when it makes the resource itself. */
export interface Ruled {
  readonly before: Resource | undefined;
  readonly after: Resource;
  /** The fields that get another value, or at creation those that were given. */
  readonly changes: Readonly<Record<string, unknown>>;
  /** When it is written, milliseconds since the epoch; absent of what was written earlier, at a site. */
  readonly now: number | undefined;
}

/** What a kind's declaration cannot say: throws a `FieldFault` when the fields, or the resources around, forbid a write. */
export type Rule = (view: View, ruled: Ruled) => void | Promise<void>;

/** By the name of the kind. */
const RULES: Readonly<Record<string, readonly Rule[]>> = {
  region: [regionTree],
  os_update_policy: [updatePolicyFields],
  instance: [installationInputs],
  single_schedule: [oneTargetOfSchedule, futureAndForward],
  repeated_schedule: [oneTargetOfSchedule, knownTimezone],
  telemetry_logs_profile: [oneTargetOfProfile, someLevel],
  telemetry_metrics_profile: [oneTargetOfProfile],
};

/** Those that what is put together of the hub's values and a site's must keep, too. */
const RULES_OF_MERGED: Readonly<Record<string, readonly Rule[]>> = {
  region: [regionTree],
  single_schedule: [oneTargetOfSchedule],
  repeated_schedule: [oneTargetOfSchedule],
  telemetry_logs_profile: [oneTargetOfProfile],
  telemetry_metrics_profile: [oneTargetOfProfile],
};

/** The rules of a kind, at the hub and at its sites. */
export function rulesOf(kind: Kind): readonly Rule[] {
  return RULES[kind.name] ?? [];
}

/** The rules of a kind for a resource of which a hub that was restored takes back what a site holds (rule 20). */
export function rulesOfMerged(kind: Kind): readonly Rule[] {
  return RULES_OF_MERGED[kind.name] ?? [];
}
