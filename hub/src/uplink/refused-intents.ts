import type { Transaction } from "@holdfast/inventory";
import { intentOf } from "@holdfast/inventory/authority/feed-rows";
import { authorAt } from "./actor.ts";
import type { RefusedIntent } from "./ports.ts";

/** Has the history tell of what did not apply, so that the write is known when it comes again (rule 7). */
export async function keepInHistory(tx: Transaction, { entry, kind, origin }: RefusedIntent): Promise<void> {
  const { tenant, site, now: at } = origin;
  const { id, intent: write } = entry;
  if (await tx.knowsWrite(tenant, write)) return;
  const resource = await tx.get(kind, tenant, id);
  const standing: Readonly<Record<string, unknown>> | undefined = resource?.fields;
  const subject = { ...authorAt(site, entry), at, tenant, kind: kind.name, id };
  if (entry.type === "delete") {
    const told = { before: standing ? intentOf(kind, standing) : null, after: null };
    await tx.appendChange({ ...subject, operation: "conflict", ...told, write });
    return;
  }
  const wanted = entry.type === "edit" ? { [entry.field]: entry.value ?? null } : entry.fields;
  const before = standing && Object.fromEntries(Object.keys(wanted).map((name) => [name, standing[name] ?? null]));
  const told = { before: before ? intentOf(kind, before) : null, after: intentOf(kind, wanted) };
  await tx.appendChange({ ...subject, operation: "conflict", ...told, write });
}
