import { isDeepStrictEqual } from "node:util";
import type { Authority, Transaction } from "@holdfast/inventory";
import { Host, type Resource } from "@holdfast/protocol";
import type { Clock } from "@holdfast/runtime";
import { record } from "../conflicts/record.ts";

export interface MergeParts {
  readonly authority: Pick<Authority, "settleIn">;
  readonly clock: Pick<Clock, "now">;
}

/** What was wanted of a machine under the id that goes. */
export interface Merging {
  /** As what it stays. */
  readonly into: Resource;
  readonly tenant: string;
  /** `hub`, or the site at which it was wanted. */
  readonly by: string;
  readonly actor: string;
  /** Id of the write; the stamps of the fields when absent. */
  readonly write: string | undefined;
  readonly at: number;
  /** Nobody in person wanted these values. */
  readonly byMachine: boolean;
  /** Nobody in person wanted the values that it stays with. */
  readonly overMachine?: boolean;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** What registering sets when nobody says otherwise: it is nobody's wish. */
const UNSAID: Readonly<Record<string, readonly unknown[]>> = {
  name: [""],
  desiredState: ["HOST_STATE_UNSPECIFIED", "HOST_STATE_REGISTERED"],
  desiredPowerState: ["POWER_STATE_UNSPECIFIED", "POWER_STATE_ON"],
  powerCommandPolicy: ["POWER_COMMAND_POLICY_UNSPECIFIED", "POWER_COMMAND_POLICY_ORDERED"],
  metadata: [],
  userLvmSize: [0],
};

/**
 * Brings together what was wanted of one machine under two ids: what one side left unsaid the other says, what a machine or
 * a site set by itself gives way to what a person wanted, and where two people wanted different things there is a
 * conflict (rule 5).
 */
export async function mergeInto(tx: Transaction, parts: MergeParts, merging: Merging): Promise<void> {
  const { into, tenant, actor, byMachine, overMachine = false } = merging;
  const taken: Record<string, unknown> = {};
  const clashing: [string, unknown][] = [];
  for (const [name, value] of Object.entries(merging.fields)) {
    if (!says(name, value) || isDeepStrictEqual(into.fields[name as "name"], value)) continue;
    const stands = into.fields[name as "name"];
    if (!says(name, stands) || (overMachine && !isIdentity(name))) taken[name] = value;
    else if (!byMachine) clashing.push([name, value]);
  }
  if (Object.keys(taken).length > 0) {
    await parts.authority.settleIn(tx, Host, { actor, tenant, id: into.resourceId, fields: taken });
  }
  const { by, at, write } = merging;
  for (const [field, value] of clashing) {
    const told = { by, actor, at, reason: "the same machine was registered under two ids", creation: null };
    const wanted = { write: write ?? `${into.resourceId}/${field}/${at}`, value: JSON.stringify(value ?? null) };
    const about = { tenant, kind: Host, resourceId: into.resourceId, field };
    await record(tx, about, { value: { ...wanted, ...told }, now: parts.clock.now() });
  }
}

/** Where it is, and what tells it from others, follows from which id survives. */
function isIdentity(name: string): boolean {
  return name === "serialNumber" || name === "uuid" || name === "siteId";
}

function says(name: string, value: unknown): boolean {
  if (value === undefined || value === null || Host.fields[name as "name"]?.owner !== "operator") return false;
  if (Array.isArray(value) && value.length === 0) return false;
  return !(UNSAID[name] ?? [Host.fields[name as "name"]?.initial, ""]).includes(value);
}
