import type { Kind } from "@holdfast/protocol";
import { Fault } from "@holdfast/runtime";
import type { ListQuery } from "../store/contract.ts";
import { membersOf } from "./members.ts";

type Order = NonNullable<ListQuery["orderBy"]>;

const LONGEST = 1000;
const ALLOWED = /^[a-zA-Z-_0-9., ]+$/;

/** `field [asc|desc], …` over a kind's own fields. Throws InvalidArgument naming the field that it has not. */
export function readOrder(kind: Kind, orderBy: string): Order {
  if (orderBy.length > LONGEST) throw new Fault("InvalidArgument", `orderBy: longer than ${LONGEST} characters`);
  if (!ALLOWED.test(orderBy)) throw new Fault("InvalidArgument", "orderBy: a character that is not allowed");
  const order = new Map<string, Order[number]>();
  for (const part of orderBy.split(",")) {
    const term = readPart(kind, part);
    // What is ordered by a field already has no other order by it.
    if (!order.has(term.field)) order.set(term.field, term);
  }
  return [...order.values()];
}

function readPart(kind: Kind, part: string): Order[number] {
  const [name, direction = "asc", ...rest] = part.split(" ").filter((word) => word !== "");
  if (name === undefined) throw new Fault("InvalidArgument", "orderBy: a field name is missing");
  if ((direction !== "asc" && direction !== "desc") || rest.length > 0) {
    throw new Fault("InvalidArgument", `orderBy: "${part.trim()}" is not: field, field asc or field desc`);
  }
  const member = membersOf(kind).get(name);
  if (member?.is !== "value" || member.type === "json") {
    throw new Fault("InvalidArgument", `orderBy: unknown field "${name}"`);
  }
  return { field: member.name, descending: direction === "desc" };
}
