import { FieldFault } from "@holdfast/inventory";
import type { AuditQuery } from "@holdfast/inventory/audit/query";
import { type Static, Type } from "typebox";

const text = (description: string) => Type.Optional(Type.String({ minLength: 1, maxLength: 300, description }));
const time = (description: string) =>
  Type.Optional(Type.String({ maxLength: 40, description: `${description}, RFC 3339` }));

/** What narrows a list of the audit log, in a query and on a command line. */
export const AUDIT_FILTERS = {
  actor: text("who did it; `operator:alice` finds also what Alice did at a site"),
  kind: text("kind of what it was done to"),
  resourceId: text("id of what it was done to"),
  operation: text("create, update, delete, conflict or refuse"),
  requestId: text("id of the request"),
  tokenId: text("id of the token by which they were let in"),
  address: text("network address from which it was asked"),
  from: time("taken at this time or later"),
  to: time("taken before this time"),
} as const;

const Filters = Type.Object(AUDIT_FILTERS);

/** The filters that were given, as the log is asked. Throws InvalidArgument naming one that is none. */
export function filtersOf(given: Static<typeof Filters>): Omit<AuditQuery, "order" | "limit"> {
  const { from, to, ...texts } = given;
  const plain = Object.keys(AUDIT_FILTERS).filter((name) => name !== "from" && name !== "to");
  const entries = plain.map((name) => [name, texts[name as keyof typeof texts]]);
  return {
    ...Object.fromEntries(entries.filter(([, value]) => value !== undefined)),
    ...(from === undefined ? {} : { from: timeOf("from", from) }),
    ...(to === undefined ? {} : { to: timeOf("to", to) }),
  };
}

function timeOf(name: string, text: string): number {
  const at = Date.parse(text);
  if (Number.isNaN(at))
    throw new FieldFault("InvalidArgument", [name], `${name}: must be a time, as 2026-11-24T10:00:00Z is`);
  return at;
}
