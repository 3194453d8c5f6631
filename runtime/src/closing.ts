import type { Server } from "node:http";
import type { Clock } from "./clock.ts";
import { seconds } from "./clock.ts";
import { watchConnections } from "./connections.ts";
import type { Closable } from "./lifecycle.ts";

/** How long a client may take to read its answer once the server closes. */
const READ_WITHIN = seconds(3);

/** What answers HTTP: its server, and what it does itself to end. */
export interface Answering {
  readonly server: Server;
  /** Takes nobody any more; resolves when the last connection has ended. */
  close(): PromiseLike<unknown>;
}

/**
 * Makes a server end as every program's must: what has begun is answered, and nobody is waited for who asks nothing or does
 * not read. To be called before it listens.
 */
export function closing(answering: Answering, clock: Clock): Closable {
  const connections = watchConnections(answering.server);
  return {
    async close() {
      const closed = new AbortController();
      connections.endIdle();
      const late = clock.sleep(READ_WITHIN, closed.signal).then(
        () => connections.endAll(),
        () => undefined,
      );
      await answering.close();
      closed.abort();
      await late;
    },
  };
}
