import type { Store } from "@holdfast/inventory";
import type { Commands } from "@holdfast/inventory/api/commands";
import { ownStatusRoute } from "@holdfast/inventory/api/status-route";
import { RequestMetrics } from "@holdfast/inventory/metrics/requests";
import { Metrics } from "@holdfast/inventory/metrics/serve";
import type { Clock, Closable, Log } from "@holdfast/runtime";
import type { FastifyInstance } from "fastify";
import { Operators } from "../access/operators.ts";
import { type EnrolRouteParts, enrolRoute } from "../enrolment/route.ts";
import type { Intents } from "../intents/intents.ts";
import type { Outcomes } from "../intents/outcomes.ts";
import { SiteInventory } from "../intents/site-inventory.ts";
import { siteFamilies } from "../metrics/families.ts";
import type { Outbox } from "../outbox/outbox.ts";
import type { ReplicaOf } from "../replica/materialise.ts";
import { SiteConflicts } from "./conflicts.ts";
import { SiteHolds } from "./holds.ts";
import { RefusalLimit } from "./refusal-limit.ts";
import { type SiteServer, startServer } from "./server.ts";
import { type StatusOptions, siteStatus } from "./status.ts";

export interface LocalApiParts {
  readonly site: string;
  readonly listen: { readonly host: string; readonly port: number };
  readonly store: Store;
  readonly outbox: Outbox;
  readonly intents: Intents;
  /** To be told of each batch that the hub has taken. */
  readonly outcomes: Outcomes;
  readonly replicaOf: () => Promise<ReplicaOf | undefined>;
  /** When the hub was last heard, by the floored clock; undefined when it never was. */
  readonly hubHeardAt: () => number | undefined;
  /** Never goes back, whatever the machine's own clock does (rule 22). */
  readonly flooredNow: () => number;
  readonly admit: EnrolRouteParts["admit"];
  readonly mqttPort: () => number;
  readonly commands?: Commands;
  /** Called when what a hold held may go on. */
  readonly onHoldReleased?: () => void;
  readonly status: Pick<StatusOptions, "connected" | "disk" | "notKept" | "fingerprint" | "arrivals" | "claim">;
  /** The protocol that this site speaks to agents. */
  readonly protocolVersion?: number | undefined;
  /** Of one address and of one token; 0: no limit. */
  readonly requestsPerSecond: number;
  /** Where metrics are told without a token, `ADDRESS:PORT`; nowhere when absent. */
  readonly metricsListen?: string | undefined;
  /** What else answers on the same port, authenticating its callers itself. */
  readonly routes?: readonly ((app: FastifyInstance) => void)[];
  readonly clock: Clock;
  readonly log: Log;
}

/** What operators and machines reach at the site over HTTP, listening. It needs no hub. */
export async function startLocalApi(parts: LocalApiParts): Promise<SiteServer & { readonly metricsUrl?: string }> {
  const { site, store, outbox, intents, outcomes, replicaOf, hubHeardAt, flooredNow, admit, mqttPort, clock, log } =
    parts;
  const { commands, onHoldReleased, protocolVersion, routes = [] } = parts;
  const operators = new Operators({
    ...{ store, replicaOf, hubHeardAt },
    clock: { now: flooredNow },
    limit: new RefusalLimit(clock),
  });
  const inventory = new SiteInventory({ store, outbox, intents, outcomes, replicaOf, clock: { now: flooredNow } });
  const authenticate: Operators["authenticate"] = (request) => operators.authenticate(request);
  const status = () => siteStatus({ ...parts.status, site, store, outbox, hubHeardAt, flooredNow, clock });
  const requests = new RequestMetrics();
  const metrics = new Metrics({
    ...{ store, clock, isSilent: () => false },
    families: async () => [...siteFamilies(await status()), ...requests.families()],
  });
  const server = await startServer({
    ...{ site, listen: parts.listen, inventory, authenticate, hubHeardAt, mqttPort, clock, log },
    requestsPerSecond: parts.requestsPerSecond,
    conflicts: new SiteConflicts(inventory),
    holds: new SiteHolds({ site, store, outbox, clock, ...(onHoldReleased ? { onReleased: onHoldReleased } : {}) }),
    ...(commands ? { commands } : {}),
    routes: [
      (app) => enrolRoute(app, { site, admit, limit: new RefusalLimit(clock), mqttPort, protocolVersion, log }),
      (app) =>
        ownStatusRoute(app, {
          operationId: "GetSiteStatus",
          summary: "How far the site has got, and what would be lost if its disk died now",
          ...{ status, authenticate },
        }),
      (app) => requests.watch(app),
      (app) => metrics.route(app, () => true),
      ...routes,
    ],
  });
  const { metricsListen } = parts;
  const listener =
    metricsListen === undefined ? undefined : await beside(server, () => metrics.listen(metricsListen, parts));
  return {
    ...server,
    ...(listener === undefined ? {} : { metricsUrl: listener.url }),
    close: async () => {
      outcomes.close();
      await listener?.close();
      await server.close();
    },
  };
}

/** What listens beside the server, which does not stay when that cannot. */
async function beside<L>(server: Closable, listen: () => Promise<L>): Promise<L> {
  try {
    return await listen();
  } catch (error) {
    await server.close();
    throw error;
  }
}
