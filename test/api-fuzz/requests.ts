import fc from "fast-check";
import type { ApiDocument, Operation } from "./document.ts";
import { allowedBy, idOf, STRANGE, spoilt } from "./values.ts";

/** Who asks. */
export const CALLERS = ["writer", "reader", "nobody", "somebody"] as const;
export type Caller = (typeof CALLERS)[number];

/** Names the project where a path does not. */
const PROJECT_HEADER = "ActiveProjectID";

/** A request as it is drawn: ids stand in it as `IdOf`. */
export interface DrawnRequest {
  readonly operation: Operation;
  readonly caller: Caller;
  readonly path: Readonly<Record<string, unknown>>;
  readonly query: Readonly<Record<string, unknown>>;
  readonly headers: Readonly<Record<string, unknown>>;
  /** Absent when none is sent. A text is sent as it is, anything else as JSON. */
  readonly body?: unknown;
}

/** Requests to an operation: most are as its document says, some are not. */
export function requestTo(document: ApiDocument, operation: Operation): fc.Arbitrary<DrawnRequest> {
  const { prefixes, query, headers, body } = operation;
  const path = Object.entries(prefixes).map(([name, prefix]) => [name, inPath(name, prefix)]);
  return fc.record<DrawnRequest>(
    {
      operation: fc.constant(operation),
      caller: fc.oneof({ weight: 20, arbitrary: fc.constant("writer" as const) }, fc.constantFrom(...CALLERS)),
      path: fc.record(Object.fromEntries(path)),
      query: parameters(document, query),
      headers: parameters(document, headers),
      ...(body === undefined ? {} : { body: bodyOf(allowedBy(document, body)) }),
    },
    { requiredKeys: ["operation", "caller", "path", "query", "headers"] },
  );
}

/** Requests that make something, all as the document says. */
export function makingBy(document: ApiDocument, operation: Operation): fc.Arbitrary<DrawnRequest> {
  const { prefixes, body } = operation;
  const path = Object.entries(prefixes).map(([name, prefix]) => [name, usual(name, prefix)]);
  return fc.record<DrawnRequest>({
    operation: fc.constant(operation),
    caller: fc.constant("writer" as const),
    path: fc.record(Object.fromEntries(path)),
    query: fc.constant({}),
    headers: fc.constant(Object.hasOwn(operation.headers, PROJECT_HEADER) ? { [PROJECT_HEADER]: undefined } : {}),
    ...(body === undefined ? {} : { body: allowedBy(document, body) }),
  });
}

/** The project is that of all requests together. */
function usual(name: string, prefix: string | undefined): fc.Arbitrary<unknown> {
  return name === "projectName" || prefix === undefined ? fc.constant(undefined) : idOf(prefix);
}

function inPath(name: string, prefix: string | undefined): fc.Arbitrary<unknown> {
  return fc.oneof(
    { weight: 15, arbitrary: usual(name, prefix) },
    fc.constantFrom("host-00000000", "nothing", "%00", "...", "é"),
    fc.string(),
  );
}

function parameters(document: ApiDocument, schemas: Operation["query"]): fc.Arbitrary<Record<string, unknown>> {
  const values = Object.entries(schemas).map(([name, schema]) => {
    const said = allowedBy(document, schema);
    const known = KNOWN[name] ?? said;
    return [name, fc.oneof({ weight: 12, arbitrary: known }, { weight: 2, arbitrary: said }, STRANGE)];
  });
  return fc.record(Object.fromEntries(values), { requiredKeys: [] });
}

const FIELDS = fc.constantFrom(
  "name",
  "resourceId",
  "site.region.name",
  "host_status",
  "metadata",
  "os.name",
  "updatedAt",
);
const OPERAND = fc.constantFrom('"a"', "'a b'", '""', "*", "null", "1", "HOST_STATE_ONBOARDED", "true");
const COMPARED = fc
  .tuple(FIELDS, fc.constantFrom("=", "!=", "<", ">", "<=", ">=", ":"), OPERAND)
  .map((parts) => parts.join(""));
const FILTERS: fc.Arbitrary<string> = fc.letrec<{ one: string; many: string }>((tie) => ({
  one: fc.oneof(
    { weight: 4, arbitrary: COMPARED },
    FIELDS.map((field) => `has(${field})`),
    tie("many").map((inner) => `NOT (${inner})`),
  ),
  many: fc
    .array(tie("one"), { minLength: 1, maxLength: 3 })
    .chain((all) => fc.constantFrom(all.join(" AND "), all.join(" OR "))),
})).many;
const ORDERS = fc
  .array(
    fc.tuple(FIELDS, fc.constantFrom("", " asc", " desc")).map((parts) => parts.join("")),
    { minLength: 1, maxLength: 3 },
  )
  .map((all) => all.join(", "));

/** What a schema does not tell of parameters of these names; undefined is the project of all requests together. */
const KNOWN: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  filter: FILTERS,
  orderBy: ORDERS,
  [PROJECT_HEADER]: fc.constant(undefined),
};

function bodyOf(value: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  return fc.oneof(
    { weight: 14, arbitrary: value },
    { weight: 4, arbitrary: spoilt(value) },
    { weight: 1, arbitrary: STRANGE },
    { weight: 1, arbitrary: fc.constantFrom("{", '{"a":1}}', "[", '{"__proto__":{"a":1}}', "\u0000", "") },
  );
}
