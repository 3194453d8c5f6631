import type { Transaction } from "@holdfast/inventory";
import { keepEvent } from "../uplink/events.ts";
import {
  addValue,
  conflictAbout,
  dropValue,
  newConflictId,
  open,
  type Subject,
  subjectOf,
  type Value,
  valuesOf,
} from "./book.ts";
import { close, show } from "./show.ts";
import { standingValue, standingWrite } from "./standing.ts";
import type { ConflictValueRow, OpenConflictRow } from "./tables.ts";

/** How many values a conflict has at most, the newest. A script that writes a field for ever must not fill every feed. */
export const VALUES_KEPT = 32;

/**
 * Puts a value beside the one that stands, in the one open conflict about the field. Of a resource that is gone there is
 * nothing to choose: the conflict is over at once, and its values are history. Returns the conflict's id.
 */
export async function record(
  tx: Transaction,
  about: Subject,
  { value, now }: { readonly value: Value; readonly now: number },
): Promise<string> {
  const row = await opened(tx, about, { now });
  await addValue(tx, row, value);
  await settleDown(tx, row, now);
  return row.id;
}

/** The open conflict about a field, with the value that stands; opened under this id when there is none. */
export async function opened(
  tx: Transaction,
  about: Subject,
  { now, id = newConflictId() }: { readonly now: number; readonly id?: string },
): Promise<OpenConflictRow> {
  const row = (await conflictAbout(tx, about)) ?? (await open(tx, about, { id, at: now }));
  const values = await valuesOf(tx, row);
  const resource = await tx.get(about.kind, about.tenant, about.resourceId);
  const standing = standingWrite(about, resource);
  if (!values.some(({ write }) => write === standing)) await addValue(tx, row, await standingValue(tx, about, now));
  return row;
}

/**
 * Shows a conflict whose values have changed, or ends one whose resource is gone, unless that was made at a site and could still
 * be made here.
 */
export async function settleDown(tx: Transaction, row: OpenConflictRow, now: number): Promise<void> {
  const { kind, tenant, resourceId } = subjectOf(row);
  const couldBe = row.field === "" && (await valuesOf(tx, row)).some(({ creation }) => creation !== null);
  if (!couldBe && !(await tx.get(kind, tenant, resourceId))) return endGone(tx, row, now);
  await keepNewest(tx, row, now);
  await show(tx, row);
}

/** The resource is gone, and with it the question: what was wanted of it is kept as history. */
async function endGone(tx: Transaction, row: OpenConflictRow, now: number): Promise<void> {
  for (const value of await valuesOf(tx, row)) await keepAsHistory(tx, row, { value, now });
  await close(tx, row, now);
}

/** Drops what is too much; neither the newest value nor the one that stands, in whose place the chosen one will be put. */
async function keepNewest(tx: Transaction, row: OpenConflictRow, now: number): Promise<void> {
  const values = await valuesOf(tx, row);
  if (values.length <= VALUES_KEPT) return;
  const about = subjectOf(row);
  const standing = standingWrite(about, await tx.get(about.kind, about.tenant, about.resourceId));
  const older = values.slice(0, -1).filter(({ write }) => write !== standing);
  for (let many = values.length; many > VALUES_KEPT; many -= 1) {
    // What the hub wrote is in the history of changes anyway.
    const hubs = older.findIndex(({ by }) => by === "hub");
    const [dropped] = older.splice(Math.max(hubs, 0), 1);
    if (!dropped) return;
    await keepAsHistory(tx, row, { value: dropped, now });
    await dropValue(tx, dropped);
  }
}

async function keepAsHistory(
  tx: Transaction,
  row: OpenConflictRow,
  { value: wanted, now }: { readonly value: ConflictValueRow; readonly now: number },
): Promise<void> {
  const { write, value, by, actor, at, reason } = wanted;
  if (by === "hub") return;
  const { kind, resource_id: subject, field } = row;
  const detail = { conflict: row.id, field, write, value: JSON.parse(value), actor, reason };
  const event = { type: "event", id: write, kind, subject, event: "conflict-dropped", at, detail } as const;
  await keepEvent(tx, { site: by, entry: event, now });
}
