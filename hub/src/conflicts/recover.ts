import type { Transaction } from "@holdfast/inventory";
import { type ConflictBody, isId, type Kind, kindNamed } from "@holdfast/protocol";
import { Fault } from "@holdfast/runtime";
import type { Origin } from "../uplink/origin.ts";
import type { ConflictPort } from "../uplink/ports.ts";
import { isTime } from "../uplink/time.ts";
import { addValue, conflictById, newConflictId, type Subject, wasClosed } from "./book.ts";
import { opened, record, settleDown } from "./record.ts";

/**
 * Takes back a conflict that a site holds and that the hub may have lost (rule 20). One that the hub remembers to have
 * closed stays closed. Of a resource that the site does not manage it is believed only in what it wanted itself.
 */
export async function recoverConflict(
  tx: Transaction,
  { id, body, origin }: { readonly id: string; readonly body: ConflictBody; readonly origin: Origin },
): Promise<void> {
  const kind = kindNamed(body.kind);
  if (!kind) throw new Fault("InvalidArgument", `conflict: unknown kind ${JSON.stringify(body.kind.slice(0, 64))}`);
  if (body.tenant !== origin.tenant) throw new Fault("PermissionDenied", "conflict: of another project");
  refuseImpossible(kind, body);
  if (await wasClosed(tx, id)) return;
  const { tenant, site, now } = origin;
  const resource = await tx.get(kind, tenant, body.resourceId);
  const values = body.values.filter(({ by }) => by === site || (resource?.owner === site && by === "hub"));
  if (!values.some(({ by }) => by === site) && resource?.owner !== site) return;
  const about: Subject = { tenant, kind, resourceId: body.resourceId, field: body.field ?? "" };
  const row = await opened(tx, about, { now, id: await freeId(tx, id, tenant) });
  for (const { write, value, by, actor, at, reason } of values) {
    // Nothing at all is the wish that it be deleted.
    const creation = body.field === null && by === site && value !== null ? write : null;
    await addValue(tx, row, {
      write,
      value: JSON.stringify(value ?? null),
      by,
      actor,
      at,
      reason: reason ?? null,
      creation,
    });
  }
  await settleDown(tx, row, now);
}

/** Throws InvalidArgument for a conflict that no hub has ever shown: nobody could see or settle it. */
function refuseImpossible(kind: Kind, { resourceId, field, openedAt, values }: ConflictBody): void {
  const name = field === null || !Object.hasOwn(kind.fields, field) ? undefined : kind.fields[field];
  const isField = field === null || (name?.owner === "operator" && !name.secret);
  if (!isId(kind.prefix, resourceId)) throw new Fault("InvalidArgument", "conflict: resourceId is no id of its kind");
  if (!isField) throw new Fault("InvalidArgument", "conflict: field is none that operators write");
  const isShown = values.every(({ write, at }) => write !== "" && write.length <= 64 && isTime(at));
  if (!isShown || !isTime(openedAt)) throw new Fault("InvalidArgument", "conflict: holds a time or an id that is none");
}

/** The id by which the site knows it, unless it is none or another's. */
async function freeId(tx: Transaction, id: string, tenant: string): Promise<string> {
  const free = /^conflict-[0-9a-f]{16}$/.test(id) && !(await conflictById(tx, tenant, id));
  return free ? id : newConflictId();
}

/** Puts what a site held before the hub lost history beside what stands. */
export const recordRecovered: ConflictPort["recordRecovered"] = async (tx, found) => {
  const { kind, id, origin, reason, held, field } = found;
  const { tenant, site, now } = origin;
  const told = { by: site, actor: `site:${site}`, at: now, reason, creation: field === null ? held.write : null };
  const value = { write: held.write, value: JSON.stringify(held.value ?? null), ...told };
  await record(tx, { tenant, kind, resourceId: id, field: field ?? "" }, { value, now });
};
