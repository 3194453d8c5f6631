import type { Configuration } from "./configuration.ts";
import type { Connection } from "./connection.ts";
import { UsageError } from "./faults.ts";
import { isRunOut, renewed, type SessionParts } from "./session.ts";

/** The token for a request: one that was given, else the stored one, renewed and stored again once it has run out. */
export async function tokenFor(
  connection: Connection,
  { configuration, ...parts }: Omit<SessionParts, "fetch"> & { readonly configuration: Pick<Configuration, "renew"> },
): Promise<string> {
  const given = connection.givenToken();
  if (given !== undefined) return given;
  // Where one is signed in may be another place by the time that the issuer has answered.
  const url = connection.url();
  const stored = connection.stored();
  if (stored?.token !== undefined) return stored.token;
  if (stored?.session === undefined) {
    throw new UsageError("a token is needed: sign in (holdfast login), or say --token-file or HOLDFAST_TOKEN");
  }
  if (!isRunOut(stored.session, parts.clock)) return stored.session.accessToken;
  const session = await renewed(stored.session, { ...parts, fetch: connection.fetch() });
  configuration.renew(url, { before: stored.session, after: session });
  return session.accessToken;
}
