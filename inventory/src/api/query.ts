import { checkValue, refusal, type ValueSchema } from "./body/check-value.ts";

/** The query parameters that a route declares, by name, as JSON Schema. */
export type QuerySchemas = Readonly<Record<string, ValueSchema>>;

export type QueryValues = Readonly<Record<string, string | number | boolean | readonly string[]>>;

/**
 * The declared parameters of a request's query, as what they are declared to be; others are ignored. Throws
 * InvalidArgument naming one that is empty, is there twice or is not what its schema says.
 */
export function readQuery(schemas: QuerySchemas, query: unknown): QueryValues {
  const given = query as Readonly<Record<string, unknown>>;
  const values: Record<string, string | number | boolean | readonly string[]> = {};
  for (const [name, schema] of Object.entries(schemas)) {
    const text = Object.hasOwn(given, name) ? given[name] : undefined;
    if (text === undefined) continue;
    if (schema.type === "array") {
      values[name] = readSeveral(schema, [text].flat(), name);
      continue;
    }
    if (typeof text !== "string") throw refusal(name, "is there twice");
    if (text === "") throw refusal(name, "is empty");
    const value = converted(schema, text);
    checkValue(schema, value, name);
    values[name] = value;
  }
  return values;
}

/** A parameter that may be there several times. */
function readSeveral(schema: ValueSchema, texts: readonly unknown[], name: string): readonly string[] {
  if (texts.includes("")) throw refusal(name, "is empty");
  checkValue(schema, texts, name);
  return texts as readonly string[];
}

function converted({ type }: ValueSchema, text: string): string | number | boolean {
  if (type === "integer" && /^-?[0-9]{1,15}$/.test(text)) return Number(text);
  if (type === "boolean" && (text === "true" || text === "false")) return text === "true";
  return text;
}

/** Of a page token: it must fit into a URL. */
export const LONGEST_TOKEN = 4096;

const FILTER = { type: "string", maxLength: 1000, pattern: "^$|^[a-zA-Z-_0-9.,:/=*(){}\"' ]+$" } as const;
const ORDER_BY = { type: "string", maxLength: 1000, pattern: "^$|^[a-zA-Z-_0-9., ]+$" } as const;

/** How far offsets go, and how long a list is that is asked for without the size of a page. */
export const FARTHEST = 10_000;

/** Parameters of lists, as the document declares them. */
export const LIST_QUERY = {
  orderBy: ORDER_BY,
  filter: FILTER,
  pageSize: {
    type: "integer",
    minimum: 1,
    maximum: 100,
    description: `Without it a list has up to ${FARTHEST} resources.`,
  },
  offset: { type: "integer", minimum: 0, maximum: FARTHEST, default: 0 },
  match: {
    type: "array",
    items: { type: "string", maxLength: 1000 },
    maxItems: 10,
    description:
      "`field:value`, several times for several fields: the field is exactly this value. Fields as in `filter`; the value as it is, without quotes; empty for a field that is unset.",
  },
  pageToken: {
    type: "string",
    maxLength: LONGEST_TOKEN,
    description: "`nextPageToken` of the page before, with the same filter and order; `offset` is then 0.",
  },
  watch: {
    type: "boolean",
    description:
      "Answer with server-sent events instead (as with `Accept: text/event-stream`): `created`, `updated` and `deleted` with the resource, `bookmark` with a cursor; first of all that is there, or of what has happened since `cursor`.",
  },
  cursor: {
    type: "string",
    maxLength: 200,
    description: "Where a watch goes on: the id of its last event, or `holdfast-cursor` of a list.",
  },
} as const;

/** The size of a page of a list that EIM does not have. */
export const SHORT_PAGE = { type: "integer", minimum: 1, maximum: 100, default: 20 } as const;

/** The same for reading: filters may hold comparators that the documented pattern forgot, and check themselves. */
export const READ_LIST_QUERY: QuerySchemas = { ...LIST_QUERY, filter: { type: "string" }, orderBy: { type: "string" } };
