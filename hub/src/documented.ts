interface Operation {
  readonly tag: "Sites" | "Links of sites" | "Orchestrator" | "Service tokens" | "Audit" | "Trust";
  readonly operationId: string;
  readonly summary: string;
  readonly description?: string;
  /** JSON Schemas, as the document shows them; the handlers check for themselves. */
  readonly query?: object;
  readonly headers?: object;
  readonly body?: object;
  readonly answer: object;
  /** Answers beside the good one and the usual errors, by status. */
  readonly also?: Readonly<Record<number, object>>;
}

/** A route's entry in the OpenAPI document, as fastify's option `schema`. */
export function documented({ tag, query, answer, also = {}, ...rest }: Operation): object {
  const others = Object.entries(also).map(([status, schema]) => [status, { description: "Refused", ...schema }]);
  return {
    tags: [tag],
    ...rest,
    ...(query ? { querystring: query } : {}),
    response: {
      200: { description: "OK", ...answer },
      ...Object.fromEntries(others),
    },
  };
}

/** Of a route that the document leaves out. */
export const UNDOCUMENTED: object = { hide: true };
