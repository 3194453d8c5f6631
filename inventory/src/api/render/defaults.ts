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

/** How values of a schema are shown: with the defaults of their own missing properties. Made once and used for many. */
export function completer(schema: Shape): (value: unknown) => unknown {
  const nothing = defaultOf(schema);
  const { items } = schema;
  if (schema.type === "array" && items?.properties) {
    const complete = completer(items);
    return (value) => (Array.isArray(value) ? value.map(complete) : (value ?? nothing));
  }
  if (schema.type !== "object") return (value) => value ?? nothing;
  const properties = Object.entries(schema.properties ?? {}).map(([name, each]) => [name, completer(each)] as const);
  const blank = Object.fromEntries(properties.map(([name, complete]) => [name, complete(undefined)]));
  return (value) => {
    if (typeof value !== "object" || value === null) return value ?? nothing;
    const known = value as Readonly<Record<string, unknown>>;
    const whole: Record<string, unknown> = { ...blank };
    for (const [name, complete] of properties) if (known[name] !== undefined) whole[name] = complete(known[name]);
    return whole;
  };
}
