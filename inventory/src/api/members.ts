import { type Field, KINDS, type Kind, kindNamed } from "@holdfast/protocol";
import { snakeCase } from "../snake-case.ts";
import { backReferencesOf } from "../store/back-references.ts";

/** What a name in a filter or an order stands for. `name` is how the store calls it. */
export type Member =
  | {
      readonly is: "value";
      readonly name: string;
      readonly type: ValueType;
      readonly values?: readonly string[];
      /** What a text says that nobody has reported yet. */
      readonly untold?: string;
    }
  /** Another resource: `name` is how a path goes through it, `field` holds its id, or is that name where it refers here. */
  | { readonly is: "resource"; readonly name: string; readonly field: string; readonly kind: Kind | undefined }
  | { readonly is: "parts"; readonly name: string; readonly members: Members };

export type ValueType = "text" | "id" | "enumeration" | "integer" | "boolean" | "json" | "time";

export type Members = ReadonlyMap<string, Member>;

/** What can be asked about a kind, by its name in camel and in snake case. Secrets and computed fields cannot. */
export function membersOf(kind: Kind): Members {
  let members = MEMBERS.get(kind);
  if (!members) {
    members = describe(kind);
    MEMBERS.set(kind, members);
  }
  return members;
}

const MEMBERS = new Map<Kind, Members>();

function describe(kind: Kind): Members {
  const members = new Map<string, Member>();
  const add = (name: string, member: Member) => {
    members.set(name, member);
    members.set(snakeCase(name), member);
  };
  for (const name of ["resourceId", ...kind.aliasIds]) add(name, { is: "value", name: "resourceId", type: "id" });
  for (const name of ["createdAt", "updatedAt"]) add(name, { is: "value", name, type: "time" });
  for (const [name, field] of Object.entries(kind.fields)) {
    if (field.secret) continue;
    if (field.component) {
      add(name, { is: "parts", name, members: partMembers(field.component.fields) });
      continue;
    }
    const { reference } = field;
    if (!reference?.hidden) add(name, { ...valueMember(name, field.schema, reference), ...untold(field) });
    if (reference?.embedAs !== undefined) {
      add(reference.embedAs, { is: "resource", name: reference.embedAs, field: name, kind: targetOf(field) });
    }
  }
  for (const { name, from } of backReferencesOf(kind)) {
    add(name, { is: "resource", name, field: name, kind: kindNamed(from) });
  }
  return members;
}

/** A status that says of itself that nobody has looked yet, such as "Not Connected". */
function untold({ owner, initial, schema }: Field): { readonly untold?: string } {
  const text = owner === "site" && typeof initial === "string" && !("enum" in schema);
  return text && initial !== "" ? { untold: initial } : {};
}

function targetOf(field: Field): Kind | undefined {
  return field.reference && kindNamed(field.reference.kind);
}

function partMembers(fields: Readonly<Record<string, object>>): Members {
  const members = new Map<string, Member>();
  for (const [name, schema] of Object.entries(fields)) {
    members.set(name, valueMember(name, schema)).set(snakeCase(name), valueMember(name, schema));
  }
  return members;
}

function valueMember(name: string, schema: object, reference?: Field["reference"]): Extract<Member, { is: "value" }> {
  const known = schema as { type?: unknown; enum?: readonly string[]; format?: unknown };
  if (known.enum) return { is: "value", name, type: "enumeration", values: known.enum };
  if (known.type === "array" || known.type === "object") return { is: "value", name, type: "json" };
  if (known.type === "boolean") return { is: "value", name, type: "boolean" };
  if (known.type === "integer" || known.format === "uint64") return { is: "value", name, type: "integer" };
  return { is: "value", name, type: reference ? "id" : "text" };
}

const PREFIXES = new Set(KINDS.map((kind) => kind.prefix));

/** Whether a text is a whole id of some served kind, so that containing it and being it are the same. */
export function isWholeId(text: string): boolean {
  return PREFIXES.has(text.slice(0, -9)) && /^-[0-9a-f]{8}$/.test(text.slice(-9));
}
