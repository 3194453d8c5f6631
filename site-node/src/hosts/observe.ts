import { isDeepStrictEqual } from "node:util";
import type { Transaction } from "@holdfast/inventory";
import { Host } from "@holdfast/protocol/kinds/host";
import type { FieldsOf, Kind, ObservationGroup, Resource } from "@holdfast/protocol/kinds/kind";
import type { Outbox } from "../outbox/outbox.ts";
import type { ReplicaOf } from "../replica/materialise.ts";
import type { Status } from "./statuses.ts";

export interface Seen {
  /** A field that is named and undefined is not known any more. */
  readonly fields?: { readonly [Name in keyof FieldsOf<typeof Host>]?: FieldsOf<typeof Host>[Name] | undefined };
  readonly statuses?: Partial<Record<"hostStatus" | "onboardingStatus" | "registrationStatus" | "powerStatus", Status>>;
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
  const known = sourcesOf(host);
  const seen = groupsSeen(fields, statuses);
  const isNews = seen.some((group) => known[group] === undefined);
  if (Object.keys(changes).length === 0 && reached === host.observedGeneration && !isNews) return undefined;
  const merged = Object.entries({ ...shown, ...changes }).filter(([, value]) => value !== undefined);
  return {
    ...host,
    ...(reached === undefined ? {} : { observedGeneration: reached }),
    ...sourcesWith(known, seen, now),
    fields: Object.fromEntries(merged),
  };
}

/** What the machine says of itself, and what its site sees of it or does about it. */
const SOURCE: Readonly<Record<ObservationGroup, string>> = { hardware: "agent", power: "site", status: "site" };

function groupsSeen(fields: NonNullable<Seen["fields"]>, statuses: NonNullable<Seen["statuses"]>): ObservationGroup[] {
  const kind: Kind = Host;
  const groups = Object.keys(fields).map((name) => kind.fields[name]?.group ?? "status");
  return [...new Set([...groups, ...(Object.keys(statuses).length > 0 ? ["status" as const] : [])])];
}

/** Nothing seen by anybody is no sources, as at the hub. */
function sourcesWith(
  known: NonNullable<Resource["observedSources"]>,
  seen: readonly ObservationGroup[],
  at: number,
): Pick<Resource, "observedSources"> {
  const sources = { ...known, ...Object.fromEntries(seen.map((group) => [group, { source: SOURCE[group], at }])) };
  return Object.keys(sources).length === 0 ? {} : { observedSources: sources };
}

/** A version that did not note who saw what has seen all that it shows. */
function sourcesOf({ observedSources, observedAt }: Resource<typeof Host>): NonNullable<Resource["observedSources"]> {
  if (observedSources || observedAt === undefined) return observedSources ?? {};
  const groups = Object.entries(SOURCE) as [ObservationGroup, string][];
  return Object.fromEntries(groups.map(([group, source]) => [group, { source, at: observedAt }]));
}
