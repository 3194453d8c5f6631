import { isId, KINDS, type Kind } from "@holdfast/protocol";
import { missing } from "../store/faults.ts";
import { refusal } from "./body/check-value.ts";

const PREFIXES = new Set(KINDS.map((kind) => kind.prefix));

/**
 * Whether an id can be that of a resource of the kind: throws InvalidArgument when its prefix is nobody's, and the
 * kind's NotFound when it is another kind's or not followed by eight hex digits.
 */
export function checkId(kind: Kind, id: string): void {
  const prefix = id.slice(0, Math.max(0, id.lastIndexOf("-")));
  if (!PREFIXES.has(prefix)) throw refusal("resourceId", `"${id}" is not the id of a resource`);
  if (!isId(kind.prefix, id)) throw missing(kind);
}

/** Throws InvalidArgument unless an id is one of the kind: what actions ask of theirs. */
export function checkOwnId(kind: Kind, id: string, place: string): void {
  if (!isId(kind.prefix, id)) throw refusal(place, `must match ^${kind.prefix}-[0-9a-f]{8}$`);
}
