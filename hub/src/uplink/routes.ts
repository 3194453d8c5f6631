import type { Authority } from "@holdfast/inventory";
import { batchTakesAtMost, MAX_BATCH_BYTES, MAX_BATCH_ENTRIES, type Offer, type UplinkBatch } from "@holdfast/protocol";
import { Fault } from "@holdfast/runtime";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { brief } from "../contacts/brief-answer.ts";
import type { Door } from "../contacts/door.ts";
import type { Recovering } from "../disaster/recovering.ts";
import { readSite, SITE_PATH } from "../operator-site.ts";
import type { SiteBearer } from "../tokens/tokens.ts";
import type { BatchQueue } from "./batch-queue.ts";
import { batchFrom, contactFrom, readBodies } from "./body.ts";
import { GET_QUARANTINE, GET_SELF, SEND_CONTACT, SEND_UPLINK } from "./documented-routes.ts";
import { countQuarantined, quarantined } from "./quarantine.ts";
import { type FollowedBy, type Slots, SMALL_BATCH } from "./slots.ts";
import type { Taken, Uplink } from "./uplink.ts";

/** A site waits no longer for the answer to its largest batch. */
const BATCH_TAKES_AT_MOST = batchTakesAtMost(MAX_BATCH_BYTES);
const LISTED_AT_MOST = 100;

export interface UplinkRoutes {
  readonly uplink: Uplink;
  readonly authority: Pick<Authority, "store" | "epoch" | "lineage">;
  readonly door: Door;
  /** What the hub offers to sites. */
  readonly offer: Offer;
  readonly slots: Slots;
  readonly queue: BatchQueue;
  readonly recovering: Pick<Recovering, "letIn">;
}

/** What sites send. */
export function siteRoutes(app: FastifyInstance, parts: UplinkRoutes): void {
  // Said for all of a server: what a site sends over a slow link comes in for long. Heads of requests have no longer for that.
  app.server.requestTimeout = BATCH_TAKES_AT_MOST;
  // Encapsulated: bodies are read in another way here, and all of it needs a site's token.
  void app.register((sites, _, done) => {
    addSiteRoutes(sites, parts);
    done();
  });
}

function addSiteRoutes(
  sites: FastifyInstance,
  { uplink, authority, door, offer, slots, queue, recovering }: UplinkRoutes,
): void {
  const callers = new WeakMap<FastifyRequest, SiteBearer>();
  const callerOf = (request: FastifyRequest): SiteBearer => {
    const caller = callers.get(request);
    if (!caller) throw new Fault("Unauthenticated", "authentication is needed");
    return caller;
  };
  readBodies(sites);
  // Before the body is read: a stranger's is not.
  sites.addHook("onRequest", async (request, reply) => {
    const refusal = await door.refusalOf(request);
    if (refusal) return reply.code(426).send({ code: "FailedPrecondition", message: refusal });
    const caller = await door.siteOf(request);
    await recovering.letIn(caller);
    const { siteId } = request.params as { readonly siteId?: string };
    if (siteId !== undefined && siteId !== caller.site) {
      throw new Fault("PermissionDenied", `the token of ${caller.site} opens nothing of ${siteId}`);
    }
    callers.set(request, caller);
  });
  const own = { config: { auth: "own" } } as const;
  const inTurn = new WeakMap<FastifyRequest, { followedBy: FollowedBy }>();
  /** Whether there is room for a batch of so many bytes; it is kept until the request is over, however it ends. */
  const hasRoom = (request: FastifyRequest, reply: FastifyReply, bytes: number): boolean => {
    const turn = slots.enter(callerOf(request).site, bytes);
    if (!turn.taken) {
      const message = "many sites send what they have gathered: this batch is taken later";
      void reply.header("retry-after", turn.retryAfter).code(503).send({ code: "Unavailable", message });
      return false;
    }
    const end = { followedBy: "more" as FollowedBy };
    inTurn.set(request, end);
    reply.raw.once("close", () => turn.done(end.followedBy));
    return true;
  };
  const takes = {
    ...own,
    schema: SEND_UPLINK,
    handlerTimeout: BATCH_TAKES_AT_MOST,
    // Whoever must come back is told so before its backlog is read: of a thousand that would be all there is to do.
    onRequest: async (request: FastifyRequest, reply: FastifyReply) => {
      const declared = Number(request.headers["content-length"]);
      if (declared > SMALL_BATCH && !hasRoom(request, reply, declared)) return reply;
    },
  };
  sites.post("/v1/sites/:siteId/uplink", takes, async (request, reply) => {
    const bytes = Buffer.byteLength(String(request.body));
    if (!inTurn.has(request) && !hasRoom(request, reply, bytes)) return reply;
    const taken = await queue.run(bytes > SMALL_BATCH ? "backlog" : "live", async () => {
      if (reply.raw.closed) throw new Fault("Unavailable", "the site has gone before its batch was looked at");
      const batch = batchFrom(request.body);
      const answered = await uplink.take(callerOf(request), batch);
      const end = inTurn.get(request);
      if (end) end.followedBy = followedBy(batch, bytes);
      return answered;
    });
    return answer(reply, taken, offer);
  });
  sites.post("/v1/sites/:siteId/contact", { ...own, schema: SEND_CONTACT }, async (request, reply) =>
    answer(brief(reply), await uplink.contact(callerOf(request), contactFrom(request.body)), offer),
  );
  sites.get("/v1/sites/self", { ...own, schema: GET_SELF }, async (request) => {
    const { site, tenant: id } = callerOf(request);
    const tenant = await authority.store.read((view) => view.tenant(id));
    const { version: protocol, capabilities } = offer;
    return { siteId: site, tenant, epoch: authority.epoch(), lineage: authority.lineage(), protocol, capabilities };
  });
}

/** A site puts as much into a batch as goes in: what is not full is its last. */
function followedBy({ entries }: UplinkBatch, bytes: number): FollowedBy {
  return entries.length >= MAX_BATCH_ENTRIES || bytes > MAX_BATCH_BYTES / 2 ? "more" : "nothing";
}

/** The version goes beside what was answered, not into it: a reply that is repeated is that of the hub that is now. */
function answer<Reply extends object>(
  reply: FastifyReply,
  { reply: taken, refusal }: Taken<Reply>,
  { version: protocol }: Offer,
): FastifyReply {
  return taken ? reply.send({ ...taken, protocol }) : reply.code(409).send(refusal);
}

/** What operators see of what a site sent. */
export function linkRoutes(app: FastifyInstance, { authority }: Pick<UplinkRoutes, "authority">): void {
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
