import { checkValue, refusal, type ValueSchema } from "./body/check-value.ts";

/** The query parameters that a route declares, by name, as JSON Schema. */
export type QuerySchemas = Readonly<Record<string, ValueSchema>>;

export type QueryValues = Readonly<Record<string, string | number | boolean>>;

/**
 * The declared parameters of a request's query, as what they are declared to be; others are ignored. Throws
 * InvalidArgument naming one that is empty, is there twice or is not what its schema says.
 */
export function readQuery(schemas: QuerySchemas, query: unknown): QueryValues {
  const given = query as Readonly<Record<string, unknown>>;
  const values: Record<string, string | number | boolean> = {};
  for (const [name, schema] of Object.entries(schemas)) {
    const text = Object.hasOwn(given, name) ? given[name] : undefined;
    if (text === undefined) continue;
    if (typeof text !== "string") throw refusal(name, "is there twice");
    if (text === "") throw refusal(name, "is empty");
    const value = converted(schema, text);
    checkValue(schema, value, name);
    values[name] = value;
  }
  return values;
}

function converted({ type }: ValueSchema, text: string): string | number | boolean {
  if (type === "integer" && /^-?[0-9]{1,15}$/.test(text)) return Number(text);
  if (type === "boolean" && (text === "true" || text === "false")) return text === "true";
  return text;
}

const FILTER = { type: "string", maxLength: 1000, pattern: "^$|^[a-zA-Z-_0-9.,:/=*(){}\"' ]+$" } as const;
const ORDER_BY = { type: "string", maxLength: 1000, pattern: "^$|^[a-zA-Z-_0-9., ]+$" } as const;

/** Parameters of lists, as the document declares them. */
export const LIST_QUERY = {
  orderBy: ORDER_BY,
  filter: FILTER,
  pageSize: { type: "integer", minimum: 1, maximum: 100, default: 20 },
  offset: { type: "integer", minimum: 0, maximum: 10_000, default: 0 },
} as const;

/** The same for reading: filters may hold comparators that the documented pattern forgot, and check themselves. */
export const READ_LIST_QUERY: QuerySchemas = { ...LIST_QUERY, filter: { type: "string" }, orderBy: { type: "string" } };
