import type { Resource } from "@holdfast/protocol";

/** A field's value, whatever the kind. */
export function fieldValue(resource: Resource, name: string): unknown {
  return (resource.fields as Readonly<Record<string, unknown>>)[name];
}
