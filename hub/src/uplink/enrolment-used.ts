import { audit, type Transaction } from "@holdfast/inventory";
import type { EnrolmentUsed } from "@holdfast/protocol";
import type { Origin } from "./origin.ts";

/** A machine has come in by a one-time token, which is no more. */
export async function tellUsed(
  tx: Transaction,
  { entry, origin }: { readonly entry: EnrolmentUsed; readonly origin: Origin },
): Promise<void> {
  const { site, tenant, now } = origin;
  const by = { actor: `site:${site}`, wantedAt: entry.at };
  const after = { site, usedBy: entry.hostId };
  await audit(tx, { by, at: now, tenant, kind: "enrolment-token", id: entry.id, operation: "delete", after });
}
