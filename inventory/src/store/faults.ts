import type { Kind, Resource } from "@holdfast/protocol";
import { Fault, type FaultCode } from "@holdfast/runtime";
import { writesOf } from "./writes-of.ts";

/** A fault of named fields, so that a caller can say which of its input to mend. */
export class FieldFault extends Fault {
  readonly fields: readonly string[];

  constructor(code: FaultCode, fields: readonly string[], message: string, options?: { cause?: unknown }) {
    super(code, message, options);
    this.fields = fields;
  }
}

/** What a database refused, as far as it says: columns are those of the table that was written. */
export type Violation =
  | { readonly of: "key" }
  | { readonly of: "unique"; readonly columns: readonly string[] }
  | { readonly of: "reference" };

/** Another generation of a resource stands than the one that a change was made of. */
export class OtherGeneration extends Fault {
  readonly stands: number;

  constructor(kind: Pick<Kind, "name">, { resourceId, generation }: { resourceId: string; generation: number }) {
    super("Aborted", `${kind.name} ${resourceId} is at generation ${generation}`);
    this.stands = generation;
  }
}

/** Throws OtherGeneration unless a resource is in the state asked for, if any is. */
export function refuseOther(
  kind: Pick<Kind, "name">,
  resource: Resource,
  { ifGeneration, ifWrites }: { readonly ifGeneration?: number; readonly ifWrites?: string },
): void {
  const isOther = ifGeneration !== undefined && ifGeneration !== resource.generation;
  if (isOther || (ifWrites !== undefined && ifWrites !== writesOf(resource))) throw new OtherGeneration(kind, resource);
}

/** There is no such resource of the kind, in the text that clients of this API look for. */
export function missing(kind: Pick<Kind, "name">): Fault {
  return new Fault("NotFound", notFound(kind.name));
}

/** `host_resource not found`, `operating_system_resource not found`: the kind's name as EIM's store has it. */
function notFound(kind: string): string {
  return `${kind}_resource not found`;
}

/** A field refers to a resource that does not exist in the tenant. */
export function missingReference(field: string, kind: string): FieldFault {
  return new FieldFault("InvalidArgument", [field], notFound(kind));
}

export function taken(kind: Kind, fields: readonly string[], cause?: unknown): FieldFault {
  const message = `${kind.name}_resource with the same ${fields.join(", ")} already exists`;
  return new FieldFault("FailedPrecondition", fields, message, { cause });
}

export function idTaken(kind: Kind, id: string, cause?: unknown): Fault {
  return new Fault("AlreadyExists", `${kind.name}_resource ${id} already exists`, { cause });
}

export function stillReferred(kind: Kind, id: string, by: readonly { kind: Kind; id: string }[]): Fault {
  const users = by.map((each) => `${each.kind.name} ${each.id}`).join(", ");
  return new Fault("FailedPrecondition", `${kind.name}_resource ${id} is still referred to by ${users}`);
}
