import type { Kind, ObservationGroup, Resource, Source } from "@holdfast/protocol";
import { Fault } from "@holdfast/runtime";
import type { Transaction } from "../store/contract.ts";
import { FieldFault, missing } from "../store/faults.ts";
import { withoutUndefined } from "./intent-writes.ts";
import { validateFields } from "./validate.ts";

/** The last moment that a date can be (ECMA-262 §21.4.1.1): a later one could be stored and never be shown. */
const LAST_TIME = 8_640_000_000_000_000;

/** Everything that a site knows of a machine: what it does not name, it does not know. */
export interface Report {
  readonly kind: Kind;
  readonly tenant: string;
  readonly id: string;
  readonly site: string;
  /** Milliseconds since the epoch, by the site's clock. */
  readonly observedAt: number;
  readonly observedGeneration: number;
  readonly fields: Readonly<Record<string, unknown>>;
  /** By group of observations, who made them and when. */
  readonly sources?: Readonly<Record<string, Source>>;
  /** Groups of which this life of the site has seen nothing: they stay as they were. */
  readonly keep?: readonly string[];
}

/**
 * Replaces the observations of a resource, but for the groups that the report keeps. Throws a `Fault`: NotFound when it does not exist, for state never creates a
 * row; PermissionDenied when the site does not manage it or when a field is not an observation; InvalidArgument naming a
 * field with a wrong value.
 */
export async function applyReport(tx: Transaction, report: Report): Promise<void> {
  const { kind, site } = report;
  if (kind.feed !== "machine") throw new Fault("PermissionDenied", `nothing of a ${kind.name} is observed`);
  validateFields(kind, report.fields, { who: "site", on: "update" });
  checkCount("observedAt", report.observedAt, LAST_TIME);
  for (const [group, { at }] of Object.entries(report.sources ?? {})) checkCount(`sources.${group}.at`, at, LAST_TIME);
  checkCount("observedGeneration", report.observedGeneration, Number.MAX_SAFE_INTEGER);
  const before = await tx.get(kind, report.tenant, report.id);
  if (!before) throw missing(kind);
  if (before.owner !== site) throw new Fault("PermissionDenied", `${site} does not manage ${kind.name} ${report.id}`);
  await tx.replace(kind, observedAs(before, report));
}

function observedAs(before: Resource, report: Report): Resource {
  const { kind, site, observedAt, observedGeneration, fields, keep = [] } = report;
  const observations = Object.entries(kind.fields)
    .filter(([, field]) => field.owner === "site" && !keep.includes(field.group ?? ""))
    .map(([name, field]) => [name, fields[name] ?? field.initial]);
  const { observedSources: _, ...rest } = before;
  const sources = sourcesOf(before, report);
  return {
    ...rest,
    observedAt,
    observedGeneration,
    observedBy: site,
    ...(Object.keys(sources).length === 0 ? {} : { observedSources: sources }),
    fields: withoutUndefined({ ...before.fields, ...Object.fromEntries(observations) }),
  };
}

/** Of a group that stays as it was, who saw it stays too. */
function sourcesOf({ observedSources = {} }: Resource, { kind, sources = {}, keep = [] }: Report) {
  const groups = new Set(Object.values(kind.fields).flatMap(({ group }) => (group === undefined ? [] : [group])));
  const known: Partial<Record<ObservationGroup, Source>> = {};
  for (const group of groups) {
    const source = keep.includes(group) ? observedSources[group] : sources[group];
    if (source) known[group] = { source: source.source, at: source.at };
  }
  return known;
}

function checkCount(name: string, value: number, most: number): void {
  if (Number.isSafeInteger(value) && value >= 0 && value <= most) return;
  throw new FieldFault("InvalidArgument", [name], `${name} must be a whole number from 0 to ${most}`);
}
