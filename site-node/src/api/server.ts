import type { Inventory } from "@holdfast/inventory";
import { type ApiOptions, createApi } from "@holdfast/inventory/api/api";
import { withPowerCommands } from "@holdfast/inventory/power-commands";
import type { SiteHealth } from "@holdfast/protocol/enrolment";
import { type Clock, type Log, listenFault } from "@holdfast/runtime";
import { closing } from "@holdfast/runtime/closing";
import type { FastifyInstance } from "fastify";
import { aliasOf } from "../replica/in-place.ts";
import { atTheHub } from "./at-the-hub.ts";
import { siteSituation } from "./situation.ts";

export interface ServerOptions extends Pick<ApiOptions, "authenticate" | "conflicts" | "holds" | "commands"> {
  readonly site: string;
  readonly inventory: Inventory;
  readonly listen: { readonly host: string; readonly port: number };
  /** Of one address and of one token; 0: no limit. */
  readonly requestsPerSecond: number;
  readonly mqttPort: () => number;
  /** Milliseconds since the epoch; undefined when the hub was never heard. */
  readonly hubHeardAt: () => number | undefined;
  /** What the site answers beside the inventory's paths, each authenticating its callers itself. */
  readonly routes: readonly ((app: FastifyInstance) => void)[];
  readonly clock: Clock;
  readonly log: Log;
}

export interface SiteServer {
  readonly port: number;
  readonly url: string;
  close(): Promise<void>;
}

/** The site's API, not listening yet: the same paths as the hub's, over what the site holds. */
export function siteApi(options: Omit<ServerOptions, "listen">): Promise<FastifyInstance> {
  const { site, inventory, authenticate, conflicts, holds, commands, mqttPort, hubHeardAt, routes, clock, log } =
    options;
  const { requestsPerSecond } = options;
  return createApi({
    inventory: commands ? withPowerCommands({ inventory, commands, clock }) : inventory,
    ...{ authenticate, clock, log, title: "Holdfast site", slice: site, elsewhere: atTheHub },
    requestsPerSecond,
    ...(conflicts ? { conflicts } : {}),
    ...(holds ? { holds } : {}),
    ...(commands ? { commands } : {}),
    situation: siteSituation({ site, clock }),
    aliasOf: async (view, _tenant, id) => (await aliasOf(view, id))?.id,
    answerHeaders: () => {
      const heard = hubHeardAt();
      return heard === undefined ? {} : { "holdfast-hub-heard": new Date(heard).toISOString() };
    },
    health: {
      schema: HEALTH,
      answer: (): SiteHealth => ({ status: "active", siteId: site, mqtt: { port: mqttPort() } }),
    },
    extend: (app) => {
      for (const add of routes) add(app);
    },
  });
}

const HEALTH = {
  type: "object",
  properties: {
    status: { type: "string" },
    siteId: { type: "string" },
    mqtt: { type: "object", properties: { port: { type: "integer" } }, required: ["port"] },
  },
  required: ["status", "siteId", "mqtt"],
};

/** The site's own HTTP server. Faults with FailedPrecondition when the port is taken. */
export async function startServer(options: ServerOptions): Promise<SiteServer> {
  const { listen, clock } = options;
  const app = await siteApi(options);
  const ending = closing(app, clock);
  try {
    await app.listen({ host: listen.host, port: listen.port });
  } catch (cause) {
    await ending.close();
    throw listenFault(cause, "--site-port", listen.port);
  }
  const address = app.server.address();
  const port = typeof address === "object" && address ? address.port : listen.port;
  const host = listen.host.includes(":") ? `[${listen.host}]` : listen.host;
  return { port, url: `http://${host}:${port}`, close: async () => ending.close() };
}
