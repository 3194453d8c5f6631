import type { Transaction } from "@holdfast/inventory";
import { siteTables } from "../database/tables.ts";
import type { Outbox } from "../outbox/outbox.ts";
import type { ReplicaOf } from "../replica/materialise.ts";
import { observe } from "./observe.ts";
import { agentRefused } from "./statuses.ts";

/** Shows why a host's agent cannot be served, until one comes that can; the hub hears of each reason once. */
export async function noteRefusal(
  transaction: Transaction,
  { outbox, of, now }: { outbox: Outbox; of: ReplicaOf; now: number },
  host: string,
  reason: string,
): Promise<void> {
  const tables = siteTables(transaction);
  const link = await tables.selectFrom("host_link").select("refusal").where("host", "=", host).executeTakeFirst();
  if (link?.refusal === reason) return;
  await tables
    .insertInto("host_link")
    .values({
      host,
      liveness: JSON.stringify({ phase: "unheard" }),
      report_hash: null,
      mismatch: null,
      refusal: reason,
    })
    .onConflict((conflict) => conflict.column("host").doUpdateSet({ refusal: reason }))
    .execute();
  await outbox.event(transaction, { kind: "host", subject: host, event: "agent-refused", detail: { reason } });
  await observe(
    transaction,
    { outbox, of, now },
    { id: host, seen: { statuses: { hostStatus: agentRefused(reason) } } },
  );
}
