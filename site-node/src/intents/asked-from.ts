import type { Author } from "@holdfast/inventory";
import type { EditIntent } from "@holdfast/protocol/uplink";

type From = NonNullable<EditIntent["from"]>;

/** From where something was asked for, as a journal keeps it; null when nobody asked by a request. */
export function askedFrom({ address, request }: Pick<Author, "address" | "request">): string | null {
  const from: From = {
    ...(address === undefined ? {} : { address: address.slice(0, 64) }),
    ...(request === undefined ? {} : { request: request.slice(0, 100) }),
  };
  return Object.keys(from).length === 0 ? null : JSON.stringify(from);
}

/** The same for the hub. */
export function fromIn(kept: string | null): { readonly from?: From } {
  return kept === null ? {} : { from: JSON.parse(kept) as From };
}
