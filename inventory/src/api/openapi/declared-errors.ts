import { componentRef, type Schema } from "./components.ts";

/** What each status says that an error of an answer has. */
const ERRORS = {
  400: [
    "BadRequest",
    "A parameter, a field of the body or the body itself is not as it must be; the message names it.",
  ],
  401: ["Unauthenticated", "No token came along, or one that opens nothing."],
  403: ["PermissionDenied", "The token does not open this."],
  404: ["NotFound", "There is no such project or resource, or it is not the caller's to see."],
  405: ["MethodNotOffered", "The path is there, the method is not; `allow` says which are."],
  409: ["Conflict", "Others have changed it, or what it would become is there already."],
  410: ["StartAnew", "What `cursor` would go on from is not remembered any more: begin without it."],
  412: ["PreconditionFailed", "The resource is not the one that `If-Match` names any more: read it again."],
  413: ["BodyTooLarge", "The body is larger than is taken."],
  414: ["PathTooLong", "A part of the path is longer than any name or id."],
  415: ["NotJson", "The body is of another type than JSON."],
  421: ["NotHeldHere", "A machine of another site: ask the hub, or that site."],
  426: ["UpgradeNeeded", "The caller speaks a version that is not served; the message says which side to upgrade."],
  429: ["TooOften", "Too many requests: `retry-after` says in how many seconds to ask again."],
  431: ["HeadersTooLarge", "The headers are larger than is taken."],
  500: ["InternalError", "A fault of the program; its log has the request's id."],
  501: ["NotBuilt", "What is asked for is not offered."],
  503: ["Unavailable", "Not now: it took too long, the program is closing, or what it needs is away."],
  504: ["TooLate", "What had to answer did not in time."],
} as const;

type Status = keyof typeof ERRORS;

const RETRY_AFTER = { "retry-after": { schema: { type: "integer" }, description: "Seconds." } };
const HEADERS: Partial<Record<Status, object>> = {
  405: { allow: { schema: { type: "string" } } },
  429: RETRY_AFTER,
  503: RETRY_AFTER,
};

/** The answers that operations refer to, among the components of a document. */
export const ERROR_RESPONSES: Readonly<Record<string, Schema>> = Object.fromEntries(
  (Object.keys(ERRORS) as unknown as Status[]).map((status) => {
    const [name, description] = ERRORS[status];
    const headers = HEADERS[status] ? { headers: HEADERS[status] } : {};
    return [name, { description, ...headers, content: { "application/json": { schema: componentRef("Error") } } }];
  }),
);

/** As much of an operation as says which errors it can give. */
export interface Declaring {
  readonly security?: readonly unknown[];
  readonly tags?: readonly string[];
  readonly parameters?: readonly { readonly name?: string }[];
  readonly responses?: Readonly<Record<string, unknown>>;
}

const ALWAYS: readonly Status[] = [400, 414, 429, 431, 500, 503, 504];
const OF_CALLERS: readonly Status[] = [401, 403, 404];
const OF_WRITES: readonly Status[] = [409, 413, 415, 501];
const OF_CHANGES: readonly Status[] = [412];
const OF_SITES: readonly Status[] = [409, 413, 415, 426];
const OF_WATCHES: readonly Status[] = [410];
const OF_SLICES: readonly Status[] = [421];

/**
 * An operation with every error declared that it can give, beside those that it declares itself. `slice`: what is served
 * holds one site's machines only.
 */
export function withErrors<Of extends Declaring>(method: string, operation: Of, { slice }: { slice: boolean }): Of {
  const reads = method === "get" || method === "head";
  const statuses = new Set<Status>([
    ...ALWAYS,
    ...(operation.security?.length === 0 ? [] : OF_CALLERS),
    ...(reads ? [] : OF_WRITES),
    ...(reads || method === "post" ? [] : OF_CHANGES),
    ...(operation.tags?.includes("Links of sites") ? OF_SITES : []),
    ...(operation.parameters?.some(({ name }) => name === "cursor") ? OF_WATCHES : []),
    ...(slice ? OF_SLICES : []),
  ]);
  const errors = [...statuses].map((status) => [status, { $ref: `#/components/responses/${ERRORS[status][0]}` }]);
  const { default: _, ...own } = operation.responses ?? {};
  return { ...operation, responses: { ...Object.fromEntries(errors), ...own } };
}
