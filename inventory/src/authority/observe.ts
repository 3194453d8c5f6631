import type { Component, Kind, Resource, Source } from "@holdfast/protocol";
import { Fault } from "@holdfast/runtime";
import type { Transaction } from "../store/contract.ts";
import { FieldFault, missing } from "../store/faults.ts";
import { withoutUndefined } from "./intent-writes.ts";
import { managedSources, NONE_MANAGED } from "./managed.ts";
import { validateFields } from "./validate.ts";

/** The last moment that a date can be (ECMA-262 §21.4.1.1): a later one could be stored and never be shown. */
const LAST_TIME = 8_640_000_000_000_000;

/** How much is kept of a machine's observations that this version has no field for, bytes of JSON. */
export const UNKNOWN_BYTES = 32 * 1024;

type Values = Readonly<Record<string, unknown>>;

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
 * Replaces the observations of a resource, but for the groups that the report keeps and the fields that a manager has; what this version has no field for is
 * kept as it came. Throws a `Fault`: NotFound when it does not exist, for state never creates a row; PermissionDenied when the
 * site does not manage it or when a field is not an observation; InvalidArgument naming a field with a wrong value.
 */
export async function applyReport(tx: Transaction, report: Report, managedOf = NONE_MANAGED): Promise<void> {
  const { kind, site } = report;
  if (kind.feed !== "machine") throw new Fault("PermissionDenied", `nothing of a ${kind.name} is observed`);
  const [fields, unknown] = splitUnknown(kind, report.fields);
  validateFields(kind, fields, { who: "site", on: "update" });
  checkCount("observedAt", report.observedAt, LAST_TIME);
  for (const [group, { at }] of Object.entries(report.sources ?? {})) checkCount(`sources.${group}.at`, at, LAST_TIME);
  checkCount("observedGeneration", report.observedGeneration, Number.MAX_SAFE_INTEGER);
  const before = await tx.get(kind, report.tenant, report.id);
  if (!before) throw missing(kind);
  if (before.owner !== site) throw new Fault("PermissionDenied", `${site} does not manage ${kind.name} ${report.id}`);
  const managed = await managedOf(tx, report);
  await tx.replace(kind, observedAs(before, { ...report, fields }, { unknown, managed }));
}

function observedAs(
  before: Resource,
  report: Report,
  { unknown, managed }: { readonly unknown: Values; readonly managed: ReadonlyMap<string, string> },
): Resource {
  const { kind, site, observedAt, observedGeneration, fields, keep = [] } = report;
  const observations = Object.entries(kind.fields)
    .filter(([name, field]) => field.owner === "site" && !keep.includes(field.group ?? "") && !managed.has(name))
    .map(([name, field]) => [name, fields[name] ?? field.initial]);
  const { observedSources: _, observedUnknown: unknownBefore, ...rest } = before;
  const sources = { ...sourcesOf(before, report), ...managedSources(before, managed) };
  // To which group they belong is not known either, so what was not seen again in this life of the site stays.
  const kept = bounded(keep.length > 0 ? { ...unknownBefore, ...unknown } : unknown);
  return {
    ...rest,
    observedAt,
    observedGeneration,
    observedBy: site,
    ...(Object.keys(sources).length === 0 ? {} : { observedSources: sources }),
    ...(Object.keys(kept).length === 0 ? {} : { observedUnknown: kept }),
    fields: withoutUndefined({ ...before.fields, ...Object.fromEntries(observations) }),
  };
}

/** Those that this version has a field for, and those that it has not (rule 9): a site may know more than its hub. */
function splitUnknown(kind: Kind, fields: Values): [known: Values, unknown: Values] {
  const [known, unknown]: [Record<string, unknown>, Record<string, unknown>] = [{}, {}];
  for (const [name, value] of Object.entries(fields)) {
    const field = Object.hasOwn(kind.fields, name) ? kind.fields[name] : undefined;
    if (!field) unknown[name] = value;
    else known[name] = value;
    const parts = field?.component && unknownInParts(field.component, value);
    if (parts) unknown[name] = parts;
  }
  return [known, unknown];
}

/** Part by part what this version has no column for; undefined when it has all. */
function unknownInParts({ fields }: Component, parts: unknown): readonly Values[] | undefined {
  if (!Array.isArray(parts)) return undefined;
  const unknown = parts.map((part: unknown) => {
    const members = typeof part === "object" && part !== null ? Object.entries(part) : [];
    return Object.fromEntries(members.filter(([name]) => !Object.hasOwn(fields, name)));
  });
  return unknown.some((members) => Object.keys(members).length > 0) ? unknown : undefined;
}

/** As many whole values, in the order of their names, as there is room for. */
function bounded(unknown: Values): Values {
  let bytes = 0;
  const fitting = Object.entries(unknown)
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .filter((each) => {
      const size = Buffer.byteLength(JSON.stringify(each));
      if (bytes + size > UNKNOWN_BYTES) return false;
      bytes += size;
      return true;
    });
  return Object.fromEntries(fitting);
}

/** Of a group that stays as it was, who saw it stays too. */
function sourcesOf({ observedSources = {} }: Resource, { kind, sources = {}, keep = [] }: Report) {
  const groups = new Set(Object.values(kind.fields).flatMap(({ group }) => (group === undefined ? [] : [group])));
  const known: Record<string, Source> = {};
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
