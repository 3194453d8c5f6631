import { OBSERVATION_GROUPS, type Resource } from "@holdfast/protocol";
import type { Situation } from "../situation.ts";
import { rfc3339 } from "./time.ts";

/** Since when nobody knows whether what was last seen of a machine holds; undefined when somebody does. */
export function unseenSince({ owner: by, observedBy }: Resource, situation: Situation): number | undefined {
  const owner = by === undefined ? undefined : situation.contactOf(by)?.silentSince;
  if (observedBy === undefined || observedBy === by) return owner;
  const observer = situation.contactOf(observedBy)?.silentSince;
  if (owner === undefined || observer === undefined) return owner ?? observer;
  return Math.min(owner, observer);
}

interface Looking {
  readonly now: number;
  readonly situation: Situation;
  readonly unseen: number | undefined;
}

/** Who saw what is shown of a machine, when, and whether it is known to hold; undefined when nothing was ever seen. */
export function observationOf(resource: Resource, { now, situation, unseen }: Looking): object | undefined {
  const { observedAt, observedSources } = resource;
  const site = resource.observedBy ?? resource.owner;
  if (observedAt === undefined && unseen === undefined && observedSources === undefined) return undefined;
  const heardAt = site === undefined ? undefined : situation.contactOf(site)?.heardAt;
  return {
    site: site ?? "",
    ...(observedAt === undefined ? {} : seenAt(observedAt, now)),
    ...(heardAt === undefined ? {} : { heardAt: rfc3339(heardAt) }),
    stale: unseen !== undefined,
    ...(unseen === undefined ? {} : { unknownSince: rfc3339(unseen) }),
    ...(observedSources ? sourcesOf(observedSources, now) : {}),
  };
}

/** By group what the site saw, and by field what a manager did. */
function sourcesOf(sources: NonNullable<Resource["observedSources"]>, now: number): object {
  const groups: Record<string, object> = {};
  const fields: Record<string, object> = {};
  for (const [name, { source, at }] of Object.entries(sources)) {
    const shown = isGroup(name) ? groups : fields;
    shown[name] = { source, ...seenAt(at, now) };
  }
  return { groups, ...(Object.keys(fields).length === 0 ? {} : { fields }) };
}

function isGroup(name: string): boolean {
  return (OBSERVATION_GROUPS as readonly string[]).includes(name);
}

/** A clock that is ahead of ours saw it just now. */
function seenAt(at: number, now: number): { readonly at: string; readonly ageSeconds: number } {
  return { at: rfc3339(at), ageSeconds: Math.max(0, Math.floor((now - at) / 1000)) };
}
