import type { Kind, Resource } from "@holdfast/protocol";
import type { Clock } from "@holdfast/runtime";
import { type BackReference, backReferencesOf } from "../../store/back-references.ts";
import type { View } from "../../store/contract.ts";
import { SINCE, unknownSince, unseenFields } from "../../unseen.ts";
import { declaredKind, embeddingsOf, type Reference } from "../resource-shape.ts";
import { type Notice, PLAIN_SITUATION, type Situation } from "../situation.ts";
import { fieldValue } from "./field-value.ts";
import { inheritedMetadata } from "./inherited-metadata.ts";
import { idsIn, LONGEST_CHAIN, loadNeighbours, type Neighbours } from "./neighbours.ts";
import { observationOf, unseenSince } from "./observation.ts";
import { planOf } from "./plan.ts";
import { rfc3339 } from "./time.ts";

/** A resource as the API shows it; ready for `JSON.stringify`. */
export type Rendered = Record<string, unknown>;

export interface RenderOptions {
  readonly tenant: string;
  readonly clock: Pick<Clock, "now">;
  /** Whether regions say how many sites they have; otherwise they show 0. */
  readonly totalSites: boolean;
  readonly situation: Situation;
}

/** Resources of one kind and tenant with all that they embed, in their order. */
export async function renderAll(
  view: View,
  kind: Kind,
  resources: readonly Resource[],
  { tenant, clock, totalSites, situation }: RenderOptions,
): Promise<Rendered[]> {
  const wanted = { tenant, kind, resources, totalSites: totalSites && "totalSites" in kind.derived };
  const neighbours = await loadNeighbours(view, wanted);
  const notices = situation === PLAIN_SITUATION ? NO_NOTICES : await situation.notices(idsShown(resources, neighbours));
  const answer = { neighbours, situation, notices, now: clock.now(), embedded: new Map<string, Rendered>() };
  return resources.map((resource) => {
    const rendered = show({ ...answer, kind, depth: 0, without: undefined }, resource);
    for (const back of backReferencesOf(kind)) {
      rendered[back.name] = showReferring(back, resource, answer);
    }
    return rendered;
  });
}

const NO_NOTICES: ReadonlyMap<string, Notice> = new Map();

/** Of those asked for, and of the machines that are shown in them. */
function idsShown(resources: readonly Resource[], neighbours: Neighbours): string[] {
  return [...new Set([...resources.map(({ resourceId }) => resourceId), ...neighbours.machines()])];
}

/** What all of one answer shares. */
interface Answer {
  readonly neighbours: Neighbours;
  readonly situation: Situation;
  readonly notices: ReadonlyMap<string, Notice>;
  readonly now: number;
  /** By depth and id: the hosts of a page are mostly of one site, which is shown in each. */
  readonly embedded: Map<string, Rendered>;
}

interface Showing extends Answer {
  readonly kind: Kind;
  readonly depth: number;
  /** A field whose resource is not embedded: it is the one that this one is embedded in. */
  readonly without: string | undefined;
}

const BLANKS = new Map<Kind, Rendered>();

/**
 * What is shown of a resource of which nothing is known, every key in its place. What is undefined leaves no key in JSON.
 * Copies of it have one shape; objects made key by key would be hash tables, slow to make and slower to write.
 */
function blankOf(kind: Kind): Rendered {
  const known = BLANKS.get(kind);
  if (known) return known;
  const blank: Rendered = Object.fromEntries([
    ...["resourceId", ...kind.aliasIds].map((name) => [name, ""]),
    ...planOf(kind).map(({ name, show }) => [name, show(undefined)]),
    ...embeddingsOf(kind).map(([name, , { many }]) => [name, many ? [] : null]),
  ]);
  BLANKS.set(kind, blank);
  return blank;
}

function show(showing: Showing, resource: Resource): Rendered {
  const { kind, neighbours } = showing;
  const rendered: Rendered = { ...blankOf(kind) };
  rendered.resourceId = resource.resourceId;
  for (const alias of kind.aliasIds) rendered[alias] = resource.resourceId;
  for (const { name, show } of planOf(kind)) {
    const value = fieldValue(resource, name);
    if (value !== undefined) rendered[name] = show(value);
  }
  for (const [name, field, reference] of embeddingsOf(kind)) {
    if (field === showing.without) rendered[name] = undefined;
    else rendered[name] = embeddedIn(showing, reference, fieldValue(resource, field));
  }
  if ("inheritedMetadata" in kind.derived) rendered.inheritedMetadata = inheritedMetadata(kind, resource, neighbours);
  if ("totalSites" in kind.derived) rendered.totalSites = neighbours.totalSites(resource.resourceId) ?? 0;
  return showBookkeeping(rendered, resource, showing);
}

/** What is shown of a resource where there is none. */
function blankResource(kind: Kind): Rendered {
  return { ...blankOf(kind), ...Object.fromEntries(["resourceId", ...kind.aliasIds].map((id) => [id, undefined])) };
}

function embeddedIn(
  showing: Showing,
  { kind: name, many, neverNull }: Reference,
  value: unknown,
): Rendered | readonly Rendered[] | null {
  const kind = declaredKind(name);
  if (!many) return embedded(showing, kind, value) ?? (neverNull ? blankResource(kind) : null);
  return idsIn(value)
    .map((id) => embedded(showing, kind, id))
    .filter((each) => each !== null);
}

function embedded(showing: Showing, kind: Kind, id: unknown): Rendered | null {
  if (typeof id !== "string" || showing.depth >= LONGEST_CHAIN) return null;
  const resource = showing.neighbours.get(id);
  if (!resource) return null;
  const depth = showing.depth + 1;
  const key = `${depth} ${id}`;
  const rendered = showing.embedded.get(key) ?? show({ ...showing, kind, depth, without: undefined }, resource);
  showing.embedded.set(key, rendered);
  return rendered;
}

function showReferring(
  { name, from, by, many }: BackReference,
  resource: Resource,
  answer: Answer,
): Rendered | readonly Rendered[] | null {
  const showing = { ...answer, kind: declaredKind(from), depth: 1, without: by };
  const shown = answer.neighbours.referring(name, resource.resourceId).map((each) => show(showing, each));
  return many ? shown : (shown[0] ?? null);
}

function showBookkeeping(rendered: Rendered, resource: Resource, showing: Showing): Rendered {
  const { kind, now, situation } = showing;
  rendered.timestamps = { createdAt: rfc3339(resource.createdAt), updatedAt: rfc3339(resource.updatedAt) };
  rendered.generation = resource.generation;
  if (resource.observedGeneration !== undefined) rendered.observedGeneration = resource.observedGeneration;
  if (kind.feed === "machine") {
    const unseen = unseenSince(resource, situation);
    if (unseen !== undefined) hideUnseen(rendered, kind, unseen);
    const observation = observationOf(resource, { now, situation, unseen });
    if (observation) rendered.observation = observation;
  }
  const notice = showing.notices.get(resource.resourceId);
  if (notice) showNotice(rendered, notice);
  return rendered;
}

/** Rule 13: what was last seen is not shown as what is. Lists are narrowed and ordered by the same. */
function hideUnseen(rendered: Rendered, kind: Kind, since: number): void {
  for (const [name, instead] of unseenFields(kind)) rendered[name] = instead === SINCE ? unknownSince(since) : instead;
}

function showNotice(rendered: Rendered, { misplaced, openConflicts }: Notice): void {
  if (misplaced) rendered.misplaced = { siteId: misplaced.siteId, since: rfc3339(misplaced.since) };
  if (openConflicts !== undefined && openConflicts > 0) rendered.openConflicts = openConflicts;
}
