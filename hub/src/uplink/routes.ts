import type { Authority } from "@holdfast/inventory";
import { PROTOCOL_VERSION } from "@holdfast/protocol";
import { Fault } from "@holdfast/runtime";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { readSite, SITE_PATH } from "../operator-site.ts";
import { HUB_OFFER, siteOf, versionRefusal } from "../tokens/bearer.ts";
import type { SiteBearer, Tokens } from "../tokens/tokens.ts";
import { checkBatch, readBatches } from "./body.ts";
import { GET_QUARANTINE, GET_SELF, GET_STATUS, SEND_UPLINK } from "./documented-routes.ts";
import { countQuarantined, quarantined } from "./quarantine.ts";
import { streamOf, type Uplink } from "./uplink.ts";

/** A site waits no longer for the answer to a batch. */
const BATCH_TAKES_AT_MOST = 60_000;
const LISTED_AT_MOST = 100;

export interface UplinkRoutes {
  readonly uplink: Uplink;
  readonly authority: Pick<Authority, "store" | "epoch">;
  readonly tokens: Pick<Tokens, "bearer">;
  /** How many requests a site holds open. */
  readonly waiting: (site: string) => number;
}

/** What sites send. */
export function siteRoutes(app: FastifyInstance, parts: UplinkRoutes): void {
  // Encapsulated: bodies are read in another way here, and all of it needs a site's token.
  void app.register((sites, _, done) => {
    addSiteRoutes(sites, parts);
    done();
  });
}

function addSiteRoutes(sites: FastifyInstance, { uplink, authority, tokens }: UplinkRoutes): void {
  const callers = new WeakMap<FastifyRequest, SiteBearer>();
  const callerOf = (request: FastifyRequest): SiteBearer => {
    const caller = callers.get(request);
    if (!caller) throw new Fault("Unauthenticated", "authentication is needed");
    return caller;
  };
  readBatches(sites);
  // Before the body is read: a stranger's is not.
  sites.addHook("onRequest", async (request, reply) => {
    const refusal = versionRefusal(request);
    if (refusal) return reply.code(426).send({ code: "FailedPrecondition", message: refusal });
    const caller = await siteOf(tokens, request);
    const { siteId } = request.params as { readonly siteId?: string };
    if (siteId !== undefined && siteId !== caller.site) {
      throw new Fault("PermissionDenied", `the token of ${caller.site} opens nothing of ${siteId}`);
    }
    callers.set(request, caller);
  });
  const own = { config: { auth: "own" } } as const;
  const takes = { ...own, schema: SEND_UPLINK, handlerTimeout: BATCH_TAKES_AT_MOST };
  sites.post("/v1/sites/:siteId/uplink", takes, async (request, reply) => {
    const { reply: taken, refusal } = await uplink.take(callerOf(request), checkBatch(request.body));
    return taken ? reply.send(taken) : reply.code(409).send(refusal);
  });
  sites.get("/v1/sites/self", { ...own, schema: GET_SELF }, async (request) => {
    const { site, tenant: id } = callerOf(request);
    const tenant = await authority.store.read((view) => view.tenant(id));
    const { capabilities } = HUB_OFFER;
    return { siteId: site, tenant, epoch: authority.epoch(), protocol: PROTOCOL_VERSION, capabilities };
  });
}

/** What operators see of a site's link. */
export function linkRoutes(app: FastifyInstance, { authority, waiting }: UplinkRoutes): void {
  app.get(`${SITE_PATH}/status`, { schema: GET_STATUS }, (request) =>
    readSite(authority.store, request, async (view, { siteId }) => {
      const stream = await streamOf(view, siteId);
      return {
        siteId,
        stream: stream ? { epoch: stream.epoch, incarnation: stream.incarnation } : null,
        cursor: stream?.cursor ?? 0,
        lastUplinkAt: stream ? new Date(stream.last_at).toISOString() : null,
        waiting: waiting(siteId),
        quarantined: await countQuarantined(view, siteId),
      };
    }),
  );
  app.get(`${SITE_PATH}/quarantine`, { schema: GET_QUARANTINE }, (request) =>
    readSite(authority.store, request, async (view, { siteId }) => {
      const rows = await quarantined(view, siteId, LISTED_AT_MOST);
      const entries = rows.map(({ epoch, incarnation, seq, at, reason, entry }) => {
        return { stream: { epoch, incarnation }, seq, quarantinedAt: new Date(at).toISOString(), reason, entry };
      });
      return { siteId, entries, total: await countQuarantined(view, siteId) };
    }),
  );
}
