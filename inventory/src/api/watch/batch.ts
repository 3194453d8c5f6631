import type { Kind, Resource } from "@holdfast/protocol";
import type { Condition } from "../../store/condition.ts";
import type { ListQuery, Store, View } from "../../store/contract.ts";
import type { Position } from "../../store/position.ts";
import type { LogPosition, Revision } from "../../store/revisions.ts";
import type { Rendered } from "../render/render.ts";

/** What watches look into. */
export interface Source {
  readonly store: Store;
  /** Since when which sites are silent, as lists take it. */
  silent(view: View, tenant: string): Promise<Pick<ListQuery, "silent">>;
  show(view: View, tenant: string, kind: Kind, resources: readonly Resource[]): Promise<readonly Rendered[]>;
}

/** What is watched. */
export interface Watched {
  readonly kind: Kind;
  /** Id of the tenant. */
  readonly tenant: string;
}

/** Resources as texts, by id. */
export type Texts = ReadonlyMap<string, string>;

/** One look at what has changed. */
export interface Batch {
  /** Oldest first. */
  readonly rows: readonly Revision[];
  readonly position: LogPosition;
  readonly silent: readonly string[];
  /** All up to here is in it. */
  readonly upTo: number;
  /** Those of the rows that a selection has, one each. */
  readonly texts: readonly Texts[];
}

/** What a watcher wants to see; undefined for all. */
export type Selection = Condition | undefined;

const PAGE = 100;

/** What has changed after a revision, as each selection has it, in one snapshot. */
export function readBatch(
  source: Source,
  { kind, tenant }: Watched,
  { after, selections }: { readonly after: number; readonly selections: readonly Selection[] },
): Promise<Batch> {
  return source.store.read(async (view) => {
    const { rows, ...position } = await view.revisions({ tenant, kind: kind.name }, { after, limit: PAGE });
    const query = { tenant, ...(await source.silent(view, tenant)) };
    const upTo = rows.length < PAGE ? position.head : (rows.at(-1)?.seq ?? after);
    const there = rows.filter(({ gone }) => !gone).map(({ id }) => id);
    const texts = await textsOf(source, view, { kind, query, selections, ids: there });
    return { rows, position, upTo, silent: [...(query.silent?.keys() ?? [])], texts };
  });
}

interface Asked {
  readonly kind: Kind;
  readonly query: ListQuery & { readonly tenant: string };
  readonly selections: readonly Selection[];
  readonly ids: readonly string[];
}

/** Each resource is shown once, however many selections have it. */
async function textsOf(source: Source, view: View, { kind, query, selections, ids }: Asked): Promise<Texts[]> {
  if (ids.length === 0) return selections.map(() => new Map());
  const these: Condition = {
    is: "or",
    of: ids.map((value) => ({ is: "compare", path: ["resourceId"], operator: "equal", value })),
  };
  const found: (readonly Resource[])[] = [];
  for (const selection of selections) {
    const where: Condition = selection ? { is: "and", of: [these, selection] } : these;
    found.push((await view.list(kind, { ...query, where })).resources);
  }
  const all = [...new Map(found.flat().map((each) => [each.resourceId, each])).values()];
  const shown = await source.show(view, query.tenant, kind, all);
  const texts = new Map(shown.map((each) => [String(each.resourceId), JSON.stringify(each)]));
  return found.map((each) => new Map(each.map(({ resourceId: id }) => [id, texts.get(id) ?? ""])));
}

export interface StatePage {
  readonly texts: Texts;
  readonly next: Position | undefined;
}

/** A page of what a selection has now, by id. */
export function readState(
  source: Source,
  { kind, tenant }: Watched,
  { selection, after }: { readonly selection: Selection; readonly after: Position | undefined },
): Promise<StatePage> {
  return source.store.read(async (view) => {
    const { resources, next } = await view.list(kind, {
      ...{ tenant, limit: PAGE, ...(await source.silent(view, tenant)) },
      ...(selection ? { where: selection } : {}),
      ...(after ? { after } : {}),
    });
    const shown = await source.show(view, tenant, kind, resources);
    return { texts: new Map(shown.map((each) => [String(each.resourceId), JSON.stringify(each)])), next };
  });
}
