import { isDeepStrictEqual } from "node:util";
import type { Transaction } from "@holdfast/inventory";
import { Host } from "@holdfast/protocol/kinds/host";
import type { FieldsOf, Resource } from "@holdfast/protocol/kinds/kind";
import type { Outbox } from "../outbox/outbox.ts";
import type { ReplicaOf } from "../replica/materialise.ts";
import type { Status } from "./statuses.ts";

export interface Seen {
  /** A field that is named and undefined is not known any more. */
  readonly fields?: { readonly [Name in keyof FieldsOf<typeof Host>]?: FieldsOf<typeof Host>[Name] | undefined };
  readonly statuses?: Partial<Record<"hostStatus" | "onboardingStatus" | "registrationStatus", Status>>;
  readonly observedGeneration?: number;
}

/**
 * Writes what the site sees of a host it manages, and has the hub told, when that differs from what it saw before. Returns
 * whether it did. A status keeps the time at which it was first said.
 */
export async function observe(
  transaction: Transaction,
  { outbox, of, now }: { outbox: Outbox; of: ReplicaOf; now: number },
  { id, seen }: { id: string; seen: Seen },
): Promise<boolean> {
  const host = await transaction.get(Host, of.tenant, id);
  if (!host || host.owner !== of.site) return false;
  const next = withSeen(host, seen, now);
  if (next === undefined) return false;
  await transaction.replace(Host, { ...next, observedAt: now, observedBy: of.site });
  await outbox.touch(transaction, Host.name, id);
  return true;
}

/** The host with what was seen; undefined when that is what it shows already. */
export function withSeen(
  host: Resource<typeof Host>,
  { fields = {}, statuses = {}, observedGeneration }: Seen,
  now: number,
): Resource<typeof Host> | undefined {
  const shown: Readonly<Record<string, unknown>> = host.fields;
  const changes: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields)) {
    if (!isDeepStrictEqual(shown[name], value)) changes[name] = value;
  }
  for (const [name, { text, indicator }] of Object.entries(statuses)) {
    if (shown[name] === text && shown[`${name}Indicator`] === indicator) continue;
    Object.assign(changes, {
      [name]: text,
      [`${name}Indicator`]: indicator,
      [`${name}Timestamp`]: Math.max(0, Math.floor(now / 1_000)),
    });
  }
  const reached = observedGeneration ?? host.observedGeneration;
  if (Object.keys(changes).length === 0 && reached === host.observedGeneration) return undefined;
  const merged = Object.entries({ ...shown, ...changes }).filter(([, value]) => value !== undefined);
  return {
    ...host,
    ...(reached === undefined ? {} : { observedGeneration: reached }),
    fields: Object.fromEntries(merged),
  };
}
