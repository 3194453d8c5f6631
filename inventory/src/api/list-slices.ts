import type { Kind, Resource } from "@holdfast/protocol";
import type { ListQuery, ResourceList, View } from "../store/contract.ts";

/** What is read and shown before others have their turn: as many as a page has at the most. */
const AT_ONCE = 100;

/** A list as it is shown. */
export interface ShownList<Shown> extends Pick<ResourceList<Kind>, "total"> {
  readonly shown: readonly Shown[];
  /** Where to go on; undefined when nothing comes after. */
  readonly next: ResourceList<Kind>["next"] | undefined;
}

/**
 * Reads a list within one snapshot, `limit` resources at most, and shows it. One that is longer than a page is put in order once
 * and then read slice by slice, and others have their turn in between.
 */
export async function listInSlices<Shown>(
  view: View,
  kind: Kind,
  query: ListQuery & { readonly tenant: string; readonly limit: number },
  show: (resources: readonly Resource[]) => Promise<readonly Shown[]>,
): Promise<ShownList<Shown>> {
  const first = await view.list(kind, { ...query, limit: Math.min(query.limit, AT_ONCE) });
  const { total, next } = first;
  if (!next || query.limit <= AT_ONCE) return { shown: await show(first.resources), total, next };
  await view.letOthers();
  const { ids, ...list } = await view.listIds(kind, query);
  const shown: Shown[] = [];
  for (let from = 0; from < ids.length; from += AT_ONCE) {
    const slice = ids.slice(from, from + AT_ONCE);
    const found = await view.getMany(kind, query.tenant, slice);
    shown.push(...(await show(slice.flatMap((id) => found.get(id) ?? []))));
    await view.letOthers();
  }
  return { shown, total: list.total, next: list.next };
}
