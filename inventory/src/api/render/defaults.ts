/** The part of a schema that says what stands for "no value". */
export interface Shape {
  readonly type?: string;
  readonly format?: string;
  readonly enum?: readonly string[];
  readonly items?: Shape;
  readonly properties?: Readonly<Record<string, Shape>>;
}

/** What an answer shows where nothing is known, as protobuf's JSON does: never a missing key. */
export function defaultOf(schema: Shape): unknown {
  switch (schema.type) {
    case "string":
      if (schema.enum) return schema.enum[0];
      return schema.format === "uint64" ? "0" : "";
    case "integer":
      return 0;
    case "boolean":
      return false;
    case "array":
      return [];
    default:
      return null;
  }
}

/** A value with the defaults of its own missing properties. */
export function completed(schema: Shape, value: unknown): unknown {
  if (value === undefined || value === null) return defaultOf(schema);
  if (schema.type === "array" && schema.items?.properties && Array.isArray(value)) {
    const { items } = schema;
    return value.map((item) => completed(items, item));
  }
  if (schema.type !== "object" || typeof value !== "object") return value;
  const known = value as Readonly<Record<string, unknown>>;
  const whole: Record<string, unknown> = {};
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    whole[name] = completed(property, known[name]);
  }
  return whole;
}
