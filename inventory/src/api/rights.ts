import { isDeepStrictEqual } from "node:util";
import { Host, isKept, type Kind, type Resource } from "@holdfast/protocol";
import { Fault } from "@holdfast/runtime";
import type { Principal } from "./principal.ts";
import { type Action, may } from "./roles.ts";

type Fields = Readonly<Record<string, unknown>>;

/** What who may switch machines may write of a host. */
const POWER_FIELDS: readonly string[] = ["desiredPowerState", "powerCommandPolicy"];

/** What a caller must be allowed, one of these, to change something of a kind. */
export function changing(kind: Kind): readonly Action[] {
  return [
    "write",
    ...(kind.name === Host.name ? (["power"] as const) : []),
    ...(kind.feed === "machine" ? (["observe"] as const) : []),
  ];
}

/** What a caller must be allowed, one of these, to remove something of a kind. */
export function removing(kind: Kind): readonly Action[] {
  return isKept(kind) ? ["write", "observe"] : ["write"];
}

/** What somebody must be allowed to write a field of a kind. */
export function needsOfField(kind: Kind, field: string): Action {
  return kind.name === Host.name && POWER_FIELDS.includes(field) ? "power" : "write";
}

/**
 * The fields among these that a principal writes. Who may write some only may send the others as they stand: so a resource can
 * be read, edited and sent back. Throws PermissionDenied naming the first field that is another and not theirs.
 */
export function permitted(principal: Principal, kind: Kind, standing: Resource, fields: Fields): Fields {
  if (may(principal, "write", standing.tenant)) return fields;
  const isMine = (name: string) => may(principal, needsOfField(kind, name), standing.tenant);
  const others = Object.entries(fields).filter(([name]) => !isMine(name));
  for (const [name, value] of others) {
    if (isDeepStrictEqual(value ?? null, standing.fields[name] ?? null)) continue;
    throw new Fault("PermissionDenied", `${name}: this role may not write it`);
  }
  return Object.fromEntries(Object.entries(fields).filter(([name]) => isMine(name)));
}
