import type { FeedRow, View } from "@holdfast/inventory";
import type { FeedScope } from "@holdfast/protocol";
import { epochOf } from "../epoch-of.ts";
import type { Tail } from "./page.ts";

/** What one answer may carry. A row is at most some 256 KiB, so a page ends soon after its budget. */
export interface PageBudget {
  readonly rows: number;
  readonly bytes: number;
}

const STEP = 100;

/** A tail of the log, and in which life of the hub it was read. */
export interface ReadTail extends Tail {
  readonly epoch: string;
}

/** Rows of a scope after a number, within the budget, and where the log stands in the same snapshot. */
export async function readTail(view: View, scope: FeedScope, after: number, budget: PageBudget): Promise<ReadTail> {
  const epoch = await epochOf(view);
  const rows: FeedRow[] = [];
  let bytes = 0;
  for (;;) {
    const step = Math.min(STEP, budget.rows - rows.length);
    const page = await view.feed(scope, rows.at(-1)?.seq ?? after, step);
    const head = Math.max(page.head, page.floor);
    for (const row of page.rows) {
      rows.push(row);
      bytes += row.body?.length ?? 0;
      if (bytes >= budget.bytes) break;
    }
    const complete = (rows.at(-1)?.seq ?? after) >= head || page.rows.length === 0;
    if (complete || bytes >= budget.bytes || rows.length >= budget.rows) {
      return { rows, head, floor: page.floor, complete, epoch };
    }
  }
}
