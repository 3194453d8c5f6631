import { createApi } from "../api.ts";
import { command } from "../command.ts";
import type { Endpoint } from "../configuration.ts";
import { CONNECTION_OPTIONS, endpointUrl, tokenIn } from "../connection.ts";
import { UsageError } from "../faults.ts";
import { end, signIn } from "../session.ts";
import { FINGERPRINT_OPTION, fetchBy, rootFor } from "../trust.ts";

const { project, "token-file": tokenFile, "root-file": rootFile } = CONNECTION_OPTIONS;

export const login = command({
  purpose: "signs in at a hub or a site; the commands after it ask there",
  operands: "URL [USER]",
  options: {
    project: { ...project, says: "or its id [default]" },
    "token-file": tokenFile,
    "root-file": { ...rootFile, says: "the hub's root, PEM; it alone is trusted there from now on" },
    ...FINGERPRINT_OPTION,
  },
  more: `With USER the password is asked for, or read from what is piped in. Without, a token is: that of an operator or of a
program, which is what a site that is cut off knows, or an access token of the hub's OpenID Connect provider, for as
long as that is good.`,
  async run([where, user, ...rest], given, context) {
    const { configuration, environment, signal, note } = context;
    if (where === undefined) throw new UsageError("the URL of a hub or a site is needed");
    if (rest.length > 0) throw new UsageError(`"${rest[0]}" is one too many`);
    const url = endpointUrl(where);
    const project = given.project ?? "default";

    const file = given["root-file"] ?? environment.HOLDFAST_ROOT_FILE;
    const root = await rootFor({ url, file, fingerprint: given["root-fingerprint"], signal });
    const fetch = fetchBy(root);

    async function credentials(): Promise<Pick<Endpoint, "session" | "token">> {
      if (user === undefined)
        return { token: given["token-file"] ? tokenIn(given["token-file"]) : await secret("Token") };
      if (given["token-file"] !== undefined) throw new UsageError("USER and --token-file are two ways to sign in");
      return { session: await signIn({ url, user, password: await secret("Password") }, { ...context, fetch }) };
    }
    const secret = (prompt: string) => context.askSecret(prompt);

    const { token, session } = await credentials();
    const api = createApi({
      connection: { url: () => url, project: () => project, fetch: () => fetch },
      token: async () => session?.accessToken ?? token ?? "",
      signal,
    });
    try {
      await api.get("compute/hosts", { pageSize: 1 });
    } catch (error) {
      if (session) await end(session, { signal, fetch });
      throw error;
    }
    configuration.remember(url, {
      project,
      ...(session ? { session } : {}),
      ...(token === undefined ? {} : { token }),
      ...(root === undefined ? {} : { root }),
    });
    configuration.makeCurrent(url);
    note(`signed in at ${url}, project ${project}`);
  },
});
