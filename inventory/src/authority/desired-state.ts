import type { Kind } from "@holdfast/protocol";
import { FieldFault } from "../store/faults.ts";

type Moves = Readonly<Record<string, readonly string[]>>;

/**
 * What may be wanted of a resource, by the state that it is in. A state that is not listed allows everything. Resources
 * that are being deleted are frozen and never come here.
 */
const MOVES: Readonly<Record<string, Moves>> = {
  host: {
    HOST_STATE_REGISTERED: ["HOST_STATE_DELETED", "HOST_STATE_REGISTERED", "HOST_STATE_ONBOARDED"],
    HOST_STATE_ONBOARDED: ["HOST_STATE_DELETED", "HOST_STATE_ONBOARDED", "HOST_STATE_UNTRUSTED"],
    HOST_STATE_UNTRUSTED: ["HOST_STATE_DELETED", "HOST_STATE_UNTRUSTED"],
    HOST_STATE_DELETED: ["HOST_STATE_DELETED"],
  },
  instance: { INSTANCE_STATE_UNTRUSTED: ["INSTANCE_STATE_DELETED"] },
};

type Fields = Readonly<Record<string, unknown>>;

/** What a machine may have become at its site when something was wanted of it there: the hub hears of states after intents. */
const MAY_BE: Readonly<Record<string, string>> = { HOST_STATE_REGISTERED: "HOST_STATE_ONBOARDED" };

/** Throws FailedPrecondition when a resource in its current state cannot be wanted in this one. */
export function checkDesiredState(
  kind: Kind,
  fields: Fields,
  { desired, write }: { readonly desired: unknown; readonly write: { readonly site?: string } },
): void {
  const current = String(fields.currentState);
  const moves = MOVES[kind.name];
  const later = write.site === undefined ? undefined : MAY_BE[current];
  const allowed = moves?.[current];
  if (!allowed || [...allowed, ...(later ? (moves?.[later] ?? []) : [])].includes(String(desired))) return;
  const message = `desiredState of a ${kind.name} that is ${current} cannot become ${String(desired)}`;
  throw new FieldFault("FailedPrecondition", ["desiredState"], message);
}

/** The state that asks a site to let go of a resource; undefined for kinds that are deleted at once. */
export function deletedState(kind: Kind): string | undefined {
  if (kind.deletion !== "two-phase") return undefined;
  const { enum: names = [] } = (kind.fields.desiredState?.schema ?? {}) as { enum?: readonly string[] };
  return names.find((name) => name.endsWith("_STATE_DELETED"));
}

/** Whether a resource is on its way out: nothing of it may change any more. */
export function isBeingDeleted(kind: Kind, fields: Fields): boolean {
  return kind.deletion === "two-phase" && fields.desiredState === deletedState(kind);
}
