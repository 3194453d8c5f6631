import { messageOf } from "@holdfast/runtime";
import { command } from "../command.ts";
import { endpointUrl } from "../connection.ts";
import { UsageError } from "../faults.ts";
import { end } from "../session.ts";
import { fetchBy } from "../trust.ts";

export const logout = command({
  purpose: "ends a session and forgets what was stored of it",
  operands: "[URL]",
  options: {},
  async run([where, ...rest], _given, { configuration, connection, signal, note }) {
    if (rest.length > 0) throw new UsageError(`"${rest[0]}" is one too many`);
    const url = where === undefined ? connection.url() : endpointUrl(where);
    const stored = configuration.endpoint(url);
    if (!stored) throw new UsageError(`nobody is signed in at ${url}`);
    configuration.forget(url);
    if (!stored.session) return note(`forgot the token for ${url}, which is good until it is revoked`);
    try {
      await end(stored.session, { signal, fetch: fetchBy(stored.root) });
      note(`signed out of ${url}`);
    } catch (cause) {
      throw new Error(`forgot the session at ${url}, which does not know: ${messageOf(cause)}`, { cause });
    }
  },
});
