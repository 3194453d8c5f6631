import { type Clock, type Closable, Fault, listenFault, seconds } from "@holdfast/runtime";
import type { FastifyInstance } from "fastify";
import type { HubConfig } from "./config.ts";
import { type Connections, watchConnections } from "./connections.ts";

/** How long a client may take to read its answer once the hub closes. */
const READ_WITHIN = seconds(3);

/** Makes a server end as a hub must: what has begun is answered, and nobody who does not read is waited for. */
export function closing(app: FastifyInstance, clock: Clock): Closable {
  const connections = watchConnections(app.server);
  return { close: () => closeServer(app, connections, clock) };
}

async function closeServer(app: FastifyInstance, connections: Connections, clock: Clock): Promise<void> {
  const closed = new AbortController();
  connections.endIdle();
  const late = clock.sleep(READ_WITHIN, closed.signal).then(
    () => connections.endAll(),
    () => undefined,
  );
  await app.close();
  closed.abort();
  await late;
}

/** Where the server answers from now on. Throws FailedPrecondition naming the setting when it cannot. */
export async function listen(app: FastifyInstance, config: HubConfig): Promise<{ url: string; port: number }> {
  try {
    await app.listen({ host: config.listen, port: config.hubPort });
  } catch (error) {
    const fault = listenFault(error, "--hub-port", config.hubPort);
    if (fault instanceof Fault) throw fault;
    throw new Fault("FailedPrecondition", `--listen ${config.listen}: no such address here`, { cause: error });
  }
  const address = app.server.address();
  const port = typeof address === "object" && address ? address.port : config.hubPort;
  const host = ["0.0.0.0", "::"].includes(config.listen) ? "127.0.0.1" : config.listen;
  return { url: `http://${host.includes(":") ? `[${host}]` : host}:${port}`, port };
}
