import type { Field, Kind } from "@holdfast/protocol";

/** Fields that say something: an enumeration left unspecified says nothing. */
export function said(kind: Kind, fields: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(fields).filter(([name, value]) => {
      const unspecified = isEnumeration(kind.fields[name]) && String(value).endsWith("_UNSPECIFIED");
      return value !== null && !unspecified;
    }),
  );
}

function isEnumeration(field: Field | undefined): boolean {
  return field !== undefined && "enum" in field.schema;
}
