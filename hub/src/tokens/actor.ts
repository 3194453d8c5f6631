import { accessActor, serviceName } from "@holdfast/protocol";
import type { TokenRow } from "./tables.ts";

/**
 * The name of an operator's or a program's token as sites know it. Whoever writes in a project chooses the names of its service
 * tokens: they are never those of operators.
 */
export function accessName({ name, made_by }: Pick<TokenRow, "name" | "made_by">): string {
  return made_by === null ? name : serviceName(name);
}

/** What histories call whoever comes with a token: `operator:alice`, `service:reports`, `manager:amt`. */
export function actorOf(row: Pick<TokenRow, "name" | "made_by" | "role">): string {
  return row.role === "manager" ? `manager:${row.name}` : accessActor(accessName(row));
}
