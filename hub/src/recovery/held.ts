import type { Authority, Recovery, Transaction } from "@holdfast/inventory";
import {
  AccessBody,
  AliasBody,
  ConflictBody,
  CredentialBody,
  isManaged,
  type Kind,
  ResourceBody,
  ROW,
} from "@holdfast/protocol";
import { Fault } from "@holdfast/runtime";
import type { Static, TSchema } from "typebox";
import { Value } from "typebox/value";
import type { Credentials } from "../credentials/credentials.ts";
import { kindOf } from "../uplink/kind-of.ts";
import type { Applied, Origin } from "../uplink/origin.ts";
import type { UplinkPorts } from "../uplink/ports.ts";
import type { HeldEntry } from "./waiting.ts";

export interface HeldParts {
  readonly authority: Pick<Authority, "recoverIn" | "recoverLetGoIn">;
  readonly credentials: Pick<Credentials, "recover">;
  readonly ports: Pick<UplinkPorts, "conflicts" | "access" | "aliases">;
}

const APPLIED: Applied = { result: "applied" };

/** Two values of one field of which neither is known to be the later one. */
export const NEITHER_LATER = "the hub was restored, and it cannot be told which of the two is the later one";

/**
 * Takes back what a site holds, each row by whoever owns its kind (rule 20). Throws a `Fault` for a row that no site of this
 * tenant can hold, and for one that refers to what is not there, or clashes with what is.
 */
export async function takeBack(
  tx: Transaction,
  parts: HeldParts,
  { entry, origin }: { entry: HeldEntry; origin: Origin },
): Promise<Applied> {
  const { id } = entry;
  if (entry.type === "let-go") return takeBackMachine(tx, parts, { entry, origin, kind: kindOf(entry.kind) });
  const { conflicts, access, aliases } = parts.ports;
  switch (entry.kind) {
    case ROW.access:
      await access.recoverAccess(tx, { id, body: read(AccessBody, entry, origin), origin });
      return APPLIED;
    case ROW.conflict:
      await conflicts.recoverConflict(tx, { id, body: read(ConflictBody, entry, origin), origin });
      return APPLIED;
    case ROW.alias:
      await aliases.recoverAlias(tx, { id, body: read(AliasBody, entry, origin), origin });
      return APPLIED;
    case ROW.credential:
      return parts.credentials.recover(tx, { id, body: read(CredentialBody, entry, origin), origin });
    // A hold, a command and an enrolment are the word of the hub that is; `tenant` is the project itself.
    case ROW.hold:
    case ROW.command:
    case ROW.enrolment:
    case "tenant":
      return { result: "applied", reason: `rows of kind ${entry.kind} are not taken back` };
    default:
      return takeBackMachine(tx, parts, { entry, origin, kind: kindOf(entry.kind) });
  }
}

/** A resource. What cannot be told of its fields becomes conflicts. */
async function takeBackMachine(
  tx: Transaction,
  { authority, ports }: HeldParts,
  { entry, origin, kind }: { entry: HeldEntry; origin: Origin; kind: Kind },
): Promise<Applied> {
  const { site, tenant } = origin;
  const { id } = entry;
  const body = read(ResourceBody, entry, origin);
  if (isManaged(kind) && body.owner !== undefined && body.owner !== site) {
    throw new Fault("PermissionDenied", `${kind.name} ${id} is managed by ${body.owner}, not by ${site}`);
  }
  const held = { site, tenant, kind, id, body };
  const { conflicts }: Recovery =
    entry.type === "let-go"
      ? await authority.recoverLetGoIn(tx, { ...held, reason: entry.reason, stamp: entry.stamp })
      : await authority.recoverIn(tx, held);
  for (const conflict of conflicts) {
    await ports.conflicts.recordRecovered(tx, { kind, id, origin, reason: NEITHER_LATER, ...conflict });
  }
  return APPLIED;
}

function read<S extends TSchema>(schema: S, entry: HeldEntry, { tenant }: Origin): Static<S> {
  const [error] = Value.Errors(schema, entry.body);
  if (error) throw new Fault("InvalidArgument", `body: ${error.instancePath || "/"} ${error.message}`);
  if (entry.body.tenant !== tenant) throw new Fault("PermissionDenied", "body: /tenant is another one");
  return entry.body as Static<S>;
}
