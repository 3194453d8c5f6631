/** Who wants something, by what they were let in, and from where they asked; what is absent is not known. */
export interface Author {
  /** `operator:alice`, `service:reports`, `user:bob`, `site:site-0a1b2c3d/operator:alice`, `operator:local`, `hub`. */
  readonly actor: string;
  /** Id of the token, or of what else it was, by which they were let in. Never a secret. */
  readonly token?: string;
  /** Network address from which the request came. */
  readonly address?: string;
  /** Id of the request, as its answer has it in `x-request-id`. */
  readonly request?: string;
  /** When it was wanted at a site, by the site's clock, milliseconds since the epoch. */
  readonly wantedAt?: number;
}

/** The author alone, of something that says more than that. */
export function authorOf({ actor, token, address, request, wantedAt }: Author): Author {
  return {
    actor,
    ...(token === undefined ? {} : { token }),
    ...(address === undefined ? {} : { address }),
    ...(request === undefined ? {} : { request }),
    ...(wantedAt === undefined ? {} : { wantedAt }),
  };
}
