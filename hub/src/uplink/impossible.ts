import { validateFields } from "@holdfast/inventory/authority/validate";
import { type CreateIntent, type DeleteIntent, type EditIntent, isId, type Kind } from "@holdfast/protocol";
import { Fault } from "@holdfast/runtime";

/**
 * Throws a `Fault` for what no operator could want of a site anywhere, so that it becomes no conflict either, whoever is said
 * to have wanted it.
 */
export function refuseImpossible(kind: Kind, entry: CreateIntent | DeleteIntent | EditIntent): void {
  if (!kind.atSites) {
    throw new Fault("PermissionDenied", `a ${kind.name} is made and edited at the hub`);
  }
  if (!isId(kind.prefix, entry.id)) throw new Fault("InvalidArgument", `id: is none of a ${kind.name}`);
  if (entry.type === "delete") return;
  const fields = entry.type === "edit" ? { [entry.field]: entry.value } : entry.fields;
  validateFields(kind, fields, { who: "operator", on: entry.type === "edit" ? "update" : "create" });
}
