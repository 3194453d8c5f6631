import { outOfSight } from "@holdfast/inventory/unseen";
import type { ResourceBody } from "@holdfast/protocol/feed";
import { isManaged, type Kind, type Resource } from "@holdfast/protocol/kinds/kind";
import type { CreatedValue, LocalIntent } from "../intents/entry.ts";

export interface Layers {
  readonly kind: Kind;
  readonly id: string;
  readonly tenant: string;
  readonly site: string;
  readonly epoch: string;
  /** The hub's newest word; undefined for what only this site knows yet. */
  readonly base: ResourceBody | undefined;
  /** Local intents that the replica does not show yet, oldest first. */
  readonly intents: readonly LocalIntent[];
  /** What the site shows now: its observations stay. */
  readonly existing: Resource | undefined;
}

/**
 * A resource as the site shows it: the hub's word, under the site's own intents that the hub's word does not show yet,
 * beside the site's own observations; of a machine that it does not manage, nothing is shown as it is now (rule 13).
 * Undefined when there is neither word nor creation.
 */
export function resourceFrom(layers: Layers): Resource | undefined {
  const { kind, id, tenant, site, epoch, base, intents, existing } = layers;
  const creation = intents.find((intent) => intent.field === null);
  const bottom = base ? fromHub(kind, base) : creation && fromCreation(creation, { kind, site, epoch });
  if (!bottom) return undefined;

  const fields: Record<string, unknown> = { ...bottom.fields };
  const stamps = { ...bottom.stamps };
  let { generation, owner, updatedAt } = bottom;
  for (const { id: intent, field, value, at } of intents) {
    if (field === null || stamps[field]?.id === intent) continue;
    generation += 1;
    updatedAt = Math.max(updatedAt, at);
    fields[field] = JSON.parse(value) ?? undefined;
    stamps[field] = { id: intent, epoch, generation };
    // A machine that nobody manages yet is this site's as soon as the site claims it.
    if (field === "siteId" && fields.siteId === site) owner ??= site;
  }
  return {
    tenant,
    resourceId: id,
    createdAt: bottom.createdAt,
    updatedAt,
    generation,
    stamps,
    creation: bottom.creation ?? `feed-${id}`,
    ...(owner === undefined ? {} : { owner }),
    ...(existing?.observedGeneration === undefined ? {} : { observedGeneration: existing.observedGeneration }),
    ...(existing?.observedAt === undefined ? {} : { observedAt: existing.observedAt }),
    ...(existing?.observedBy === undefined ? {} : { observedBy: existing.observedBy }),
    ...(existing?.observedSources === undefined ? {} : { observedSources: existing.observedSources }),
    ...(bottom.retired === undefined ? {} : { retired: bottom.retired }),
    fields: { ...observations(kind, existing), ...(owner === site ? {} : outOfSight(kind)), ...defined(fields) },
  };
}

interface Bottom {
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly generation: number;
  readonly creation: string | undefined;
  readonly owner: string | undefined;
  readonly retired: number | undefined;
  readonly stamps: Resource["stamps"];
  readonly fields: Record<string, unknown>;
}

function fromHub(kind: Kind, base: ResourceBody): Bottom {
  const { createdAt, updatedAt, generation, creation, owner, retired, stamps } = base;
  const fields: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(base.fields)) {
    if ((kind.fields[name]?.owner ?? "site") !== "site") fields[name] = value;
  }
  return { createdAt, updatedAt, generation, creation, owner, retired, stamps, fields };
}

function fromCreation(intent: LocalIntent, { kind, site, epoch }: Pick<Layers, "kind" | "site" | "epoch">): Bottom {
  const { creation, fields } = JSON.parse(intent.value) as CreatedValue;
  const stamp = { id: intent.id, epoch, generation: 1 };
  return {
    createdAt: intent.at,
    updatedAt: intent.at,
    generation: 1,
    creation,
    owner: isManaged(kind) ? site : undefined,
    retired: undefined,
    stamps: Object.fromEntries(Object.keys(fields).map((name) => [name, stamp])),
    fields: { ...initialOf(kind, "operator"), ...fields },
  };
}

function observations(kind: Kind, existing: Resource | undefined): Readonly<Record<string, unknown>> {
  if (!existing) return initialOf(kind, "site");
  const own: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(existing.fields)) {
    if (kind.fields[name]?.owner === "site") own[name] = value;
  }
  return own;
}

const initials = { operator: new Map<Kind, Record<string, unknown>>(), site: new Map<Kind, Record<string, unknown>>() };

/** Worked out once for each kind; whoever changes it works on a copy. */
function initialOf(kind: Kind, owner: "operator" | "site"): Readonly<Record<string, unknown>> {
  const found = initials[owner].get(kind);
  if (found) return found;
  const own = Object.entries(kind.fields).filter(([, field]) => field.owner === owner && field.initial !== undefined);
  const initial = Object.fromEntries(own.map(([name, field]) => [name, field.initial]));
  initials[owner].set(kind, initial);
  return initial;
}

/** null on the wire and absent mean the same: not set. */
function defined(fields: Record<string, unknown>): Record<string, unknown> {
  const set: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields)) if (value !== undefined && value !== null) set[name] = value;
  return set;
}
