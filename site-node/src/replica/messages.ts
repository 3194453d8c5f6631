import { isChangeMessage, isControlMessage, type Message } from "@electric-sql/client";
import type { FeedChange, FeedReceipt } from "./apply.ts";

/** A message of a shape, read: a change, the end of a whole batch, or the word to begin anew. */
export type ReadMessage =
  | { readonly is: "change"; readonly change: FeedChange }
  | { readonly is: "up-to-date"; readonly lastSeen: string | undefined; readonly receipt: FeedReceipt | undefined }
  | { readonly is: "must-refetch" }
  | { readonly is: "other" }
  | { readonly is: "malformed"; readonly reason: string };

/** What a message of the shape of one scope says. Rows of another scope are malformed: they are not this site's. */
export function readMessage(message: Message, scope: string): ReadMessage {
  if (isControlMessage(message)) {
    const headers = message.headers as Record<string, unknown>;
    const { control, global_last_seen_lsn: lastSeen } = headers;
    if (control === "must-refetch") return { is: "must-refetch" };
    if (control !== "up-to-date") return { is: "other" };
    const upTo = typeof lastSeen === "string" ? lastSeen : undefined;
    return { is: "up-to-date", lastSeen: upTo, receipt: receiptOf(headers) };
  }
  if (!isChangeMessage(message)) return { is: "other" };
  const { kind, id, seq, body, scope: of } = message.value as Record<string, unknown>;
  if (typeof kind !== "string" || typeof id !== "string" || kind === "" || id === "") {
    return { is: "malformed", reason: "a row without kind or id" };
  }
  if (of !== undefined && of !== scope) return { is: "malformed", reason: `a row of the scope ${String(of)}` };
  if (message.headers.operation === "delete" || body === null)
    return { is: "change", change: { is: "gone", kind, id } };
  const number = Number(seq);
  if (typeof body !== "string" || !Number.isSafeInteger(number)) {
    return { is: "malformed", reason: `${kind} ${id}: a row without seq or body` };
  }
  return { is: "change", change: { is: "row", kind, id, seq: number, body } };
}

/** The hub's signature of how far the scope was; undefined when it gives none, or none that can be read. */
function receiptOf({ receipt, receipt_seq: text }: Record<string, unknown>): FeedReceipt | undefined {
  const seq = typeof text === "string" || typeof text === "number" ? Number(text) : Number.NaN;
  if (typeof receipt !== "string" || receipt.length > 256 || !Number.isSafeInteger(seq)) return undefined;
  return { seq, receipt };
}

/** The lower of two positions of the form `12_0`; starting again at the lower one repeats rows and misses none. */
export function lowerPosition(one: string, other: string): string {
  const [a = 0, b = 0] = one.split("_").map(Number);
  const [c = 0, d = 0] = other.split("_").map(Number);
  return a < c || (a === c && b <= d) ? one : other;
}
