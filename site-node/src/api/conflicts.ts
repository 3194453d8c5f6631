import type { View } from "@holdfast/inventory";
import type { Conflict, ConflictQuery, Conflicts, Resolution } from "@holdfast/inventory/api/conflicts";
import { kindNamed } from "@holdfast/protocol/kinds/kinds";
import { Fault } from "@holdfast/runtime";
import type { Chosen, SiteInventory } from "../intents/site-inventory.ts";
import { openConflicts } from "../replica/conflicts.ts";

/**
 * The open conflicts that the site holds a copy of. One that is resolved here is no more at once; the hub closes it when it
 * applies the choice, and shows it again when others have wanted something else since (rule 3).
 */
export class SiteConflicts implements Conflicts {
  readonly #inventory: Pick<SiteInventory, "choose">;

  constructor(inventory: Pick<SiteInventory, "choose">) {
    this.#inventory = inventory;
  }

  async list(view: View, { tenant, resourceId, limit, offset }: ConflictQuery) {
    const all = (await conflictsOf(view, tenant)).filter(
      (conflict) => resourceId === undefined || conflict.resourceId === resourceId,
    );
    return { conflicts: all.slice(offset, offset + limit), total: all.length };
  }

  async get(view: View, tenant: string, id: string): Promise<Conflict | undefined> {
    return (await conflictsOf(view, tenant)).find((conflict) => conflict.id === id);
  }

  /** Throws PermissionDenied, beside what is said there, for what the hub or another site alone can resolve. */
  async resolve({ id, choose, saw, ...asking }: Resolution): Promise<void> {
    await this.#inventory.choose(asking, async (tx) => {
      const conflict = await this.get(tx, asking.tenant, id);
      if (!conflict) throw new Fault("NotFound", "conflict not found");
      return chosen(conflict, choose, saw);
    });
  }
}

async function conflictsOf(view: View, tenant: string): Promise<Conflict[]> {
  const rows = await openConflicts(view);
  const own = rows.filter(({ body }) => body.tenant === tenant);
  return own.map(({ id, body }) => ({ id, ...body })).toSorted((a, b) => a.openedAt - b.openedAt || order(a.id, b.id));
}

function order(one: string, other: string): number {
  return one < other ? -1 : 1;
}

/** What to write, so that this value stands. Throws what a caller can mend. */
export function chosen(conflict: Conflict, choose: string, saw: readonly string[] | undefined): Chosen {
  const { id, resourceId, field, values } = conflict;
  const kind = kindNamed(conflict.kind);
  if (!kind || field === null) {
    throw new Fault("PermissionDenied", `whether ${resourceId} exists, and as what, is resolved at the hub`);
  }
  const value = values.find(({ write }) => write === choose);
  if (!value) throw new Fault("InvalidArgument", `choose: the conflict has no value of the write "${choose}"`);
  const writes = values.map(({ write }) => write);
  const unseen = saw && writes.find((write) => !saw.includes(write));
  if (unseen !== undefined) throw new Fault("Aborted", `saw: the conflict has got another value since, of ${unseen}`);
  return { kind, id: resourceId, field, value: value.value, resolves: { conflict: id, saw: writes } };
}
