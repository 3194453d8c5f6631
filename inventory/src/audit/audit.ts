import { type Author, authorOf } from "../author.ts";
import type { Change, Transaction } from "../store/contract.ts";
import { HUB_WIDE } from "./entry.ts";

/** What was done, to be told of in the log. Leave secrets out of `before` and `after`: nobody else does. */
export interface Act extends Partial<Pick<Change, "before" | "after">> {
  /** Whoever asked for it; `Asking` and `Addressed` will do. */
  readonly by: Author;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Id of the project that it concerns; the hub as a whole when absent. */
  readonly tenant?: string;
  /** What it was done to: `token`, `user`, `session`. */
  readonly kind: string;
  readonly id: string;
  readonly operation: Change["operation"];
}

/** Tells the log of an act, in the transaction that carries it out: one is never without the other. */
export async function audit(tx: Pick<Transaction, "appendChange">, act: Act): Promise<void> {
  const { by, at, tenant = HUB_WIDE, kind, id, operation, before = null, after = null } = act;
  await tx.appendChange({ ...authorOf(by), at, tenant, kind, id, operation, before, after });
}
