import { isLoopback } from "@holdfast/inventory/api/status-route";
import { Fault, listenFault } from "@holdfast/runtime";
import type { FastifyInstance } from "fastify";
import type { HubConfig } from "./config.ts";

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
  const scheme = config.tls === "on" ? "https" : "http";
  return { url: `${scheme}://${host.includes(":") ? `[${host}]` : host}:${port}`, port };
}

/** Throws InvalidArgument for a hub that would show tokens and passwords to a network: what to do instead is in it. */
export function refusePlain({ listen, tls }: Pick<HubConfig, "listen" | "tls">): void {
  if (tls !== "off" || listen === "localhost" || isLoopback(listen)) return;
  throw new Fault(
    "InvalidArgument",
    `--listen ${listen}: plain HTTP is spoken on loopback addresses alone: say --tls on, or --tls at-proxy where nobody but a proxy that ends TLS can reach this address`,
  );
}
