import { setImmediate as nextTurn } from "node:timers/promises";
import { FieldFault, type Transaction } from "@holdfast/inventory";
import type { Kind } from "@holdfast/protocol/kinds/kind";
import { KINDS } from "@holdfast/protocol/kinds/kinds";
import { Fault } from "@holdfast/runtime";
import { siteTables } from "../database/tables.ts";
import { type Known, knownOf, materialise, materialiseKnown, oneOf, type ReplicaOf } from "./materialise.ts";

/** Resources that are read at once, and between which nothing else gets a turn. */
const AT_ONCE = 100;

/** Resources that something new is known of. */
export class Touched {
  readonly #ids = new Map<string, Set<string>>();

  add(kind: string, id: string): void {
    const ids = this.#ids.get(kind) ?? new Set();
    this.#ids.set(kind, ids.add(id));
  }

  kinds(): readonly string[] {
    return [...this.#ids.keys()];
  }

  of(kind: string): readonly string[] {
    return [...(this.#ids.get(kind) ?? [])];
  }
}

interface Waiting {
  readonly kind: Kind;
  readonly id: string;
}

interface Stuck extends Waiting {
  readonly reason: string;
  /** Another resource has a value that no two may have. */
  readonly taken: boolean;
}

/** Shows what is touched as it now is. What cannot be shown yet is parked with the reason. */
export async function showAll(transaction: Transaction, of: ReplicaOf, touched: Touched, now: number): Promise<void> {
  const tables = siteTables(transaction);
  for (const kind of touched.kinds()) {
    if (KINDS.some(({ name }) => name === kind)) continue;
    await tables.deleteFrom("replica_row").where("kind", "=", kind).where("body", "is", null).execute();
  }
  const stuck = await exchange(transaction, of, await showRounds(transaction, of, inOrder(touched)));
  for (const { kind, id, reason } of stuck) {
    await tables
      .updateTable("replica_row")
      .set((row) => ({ parked: reason, parked_at: row.fn.coalesce("parked_at", row.val(now)) }))
      .where("kind", "=", kind.name)
      .where("id", "=", id)
      .execute();
  }
}

/** What is referred to before what refers. */
function inOrder(touched: Touched): Waiting[] {
  return KINDS.flatMap((kind) => touched.of(kind.name).map((id) => ({ kind, id })));
}

/** Rows may wait for one another in any order, so as long as a round gets one through, the others get another try. */
async function showRounds(transaction: Transaction, of: ReplicaOf, all: readonly Waiting[]): Promise<readonly Stuck[]> {
  let left = all;
  for (;;) {
    const stuck: Stuck[] = [];
    for (const group of groups(left)) {
      stuck.push(...(await showGroup(transaction, of, group)));
      // Machines' heartbeats and people's requests do not wait for a large slice to be whole.
      await nextTurn();
    }
    if (stuck.length === 0 || stuck.length === left.length) return stuck;
    left = stuck;
  }
}

/** Rows that hold one another's values come in together or not at all: first none holds any, then each its new one. */
async function exchange(transaction: Transaction, of: ReplicaOf, stuck: readonly Stuck[]): Promise<readonly Stuck[]> {
  const holding = stuck.filter(({ taken }) => taken);
  if (holding.length < 2) return stuck;
  try {
    await transaction.savepoint(async () => {
      for (const each of holding) await giveUpValues(transaction, of, each);
      for (const each of holding) await materialise(transaction, of, each);
    });
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    return stuck;
  }
  for (const { kind, id } of holding) await unpark(transaction, kind, [id]);
  return showRounds(
    transaction,
    of,
    stuck.filter(({ taken }) => !taken),
  );
}

async function giveUpValues(transaction: Transaction, { tenant }: ReplicaOf, { kind, id }: Waiting): Promise<void> {
  const existing = await transaction.get(kind, tenant, id);
  if (!existing) return;
  const shared = new Set([...kind.unique.flat(), "serialNumber", "uuid"]);
  const fields = Object.fromEntries(Object.entries(existing.fields).filter(([name]) => !shared.has(name)));
  await transaction.replace(kind, { ...existing, fields });
}

interface Group {
  readonly kind: Kind;
  readonly ids: readonly string[];
}

/** Of one kind each, in the same order, and as many as are read at once. */
function groups(all: readonly Waiting[]): Group[] {
  const found: { kind: Kind; ids: string[] }[] = [];
  for (const { kind, id } of all) {
    const last = found.at(-1);
    if (last?.kind === kind && last.ids.length < AT_ONCE) last.ids.push(id);
    else found.push({ kind, ids: [id] });
  }
  return found;
}

async function showGroup(transaction: Transaction, of: ReplicaOf, { kind, ids }: Group): Promise<Stuck[]> {
  const known = await knownOf(transaction, of, { kind, ids });
  const all = ids.map((id) => ({ kind, id, known: known(id) }));
  const stuck = (await showTogether(transaction, of, all)) ?? (await showEach(transaction, of, all));
  const held = new Set(stuck.map(({ id }) => id));
  await unpark(
    transaction,
    kind,
    ids.filter((id) => known(id).marked && !held.has(id)),
  );
  return stuck;
}

interface Showing extends Waiting {
  readonly known: Known;
}

/**
 * In one part of the transaction, for which SQLite keeps each page that changes once, not once for each row. Undefined when
 * one of them could not be shown: then none is.
 */
async function showTogether(
  transaction: Transaction,
  of: ReplicaOf,
  all: readonly Showing[],
): Promise<Stuck[] | undefined> {
  try {
    return await transaction.savepoint(async () => {
      const stuck: Stuck[] = [];
      for (const each of all) stuck.push(...unread(each, await materialiseKnown(transaction, of, each)));
      return stuck;
    });
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    return undefined;
  }
}

async function showEach(transaction: Transaction, of: ReplicaOf, all: readonly Showing[]): Promise<Stuck[]> {
  const stuck: Stuck[] = [];
  for (const each of all) {
    try {
      const failed = await transaction.savepoint(() => materialiseKnown(transaction, of, each));
      stuck.push(...unread(each, failed));
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      const taken = error instanceof FieldFault && error.code === "FailedPrecondition";
      stuck.push({ kind: each.kind, id: each.id, reason: error.message, taken });
    }
  }
  return stuck;
}

function unread({ kind, id }: Waiting, failed: { unreadable: string } | undefined): Stuck[] {
  return failed ? [{ kind, id, reason: failed.unreadable, taken: false }] : [];
}

async function unpark(transaction: Transaction, kind: Kind, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  const tables = siteTables(transaction);
  await tables
    .updateTable("replica_row")
    .set({ parked: null, parked_at: null })
    .where("kind", "=", kind.name)
    .where("id", "in", oneOf(ids))
    .where("parked", "is not", null)
    .execute();
  await tables
    .deleteFrom("replica_row")
    .where("kind", "=", kind.name)
    .where("id", "in", oneOf(ids))
    .where("body", "is", null)
    .execute();
}
