import type { Store } from "@holdfast/inventory";
import type { FeedScope } from "@holdfast/protocol";
import { type Clock, Fault, type Log } from "@holdfast/runtime";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Contacts } from "../contacts/contacts.ts";
import type { Door } from "../contacts/door.ts";
import { UNDOCUMENTED } from "../documented.ts";
import type { Receipts } from "../receipts.ts";
import type { SiteBearer, Tokens } from "../tokens/tokens.ts";
import { type Answered, sendInvalid, sendMustRefetch, sendPage, sendRefusal } from "./answer.ts";
import { scopeRefusal } from "./authorise.ts";
import { GET_SHAPE } from "./documented-route.ts";
import { streamEvents } from "./events.ts";
import { isHandleOf, newHandle } from "./handle.ts";
import { holdRequest } from "./hold.ts";
import { lastRead } from "./offset.ts";
import { firstPage, pageAfter, type ShapePage } from "./page.ts";
import { render } from "./rendered.ts";
import { parseShapeRequest, type Query, type ShapeRequest } from "./request.ts";
import { sealOf } from "./seal.ts";
import { type PageBudget, readTail } from "./tail.ts";
import { createWaiters, type Waiters } from "./waiters.ts";

/** Milliseconds, and bounds. */
export interface ShapeSettings {
  /** How long a long poll is held when nothing happens. */
  readonly pollFor: number;
  /** How long a stream of events is held. */
  readonly streamFor: number;
  /** How often a silent stream shows that it is alive; the client's HTTP library gives up after 300 s. */
  readonly keepAliveEvery: number;
  readonly budget: PageBudget;
  readonly requestsPerSite: number;
}

export interface ShapesOptions {
  readonly store: Store;
  readonly tokens: Tokens;
  readonly door: Door;
  /** Told of requests that are held open. */
  readonly contacts: Pick<Contacts, "opened">;
  readonly receipts: Pick<Receipts, "feed">;
  /** Tells of each other life of the hub that begins. */
  readonly onEpoch: (listener: (epoch: string) => void) => () => void;
  readonly clock: Clock;
  readonly log: Log;
  readonly settings: ShapeSettings;
}

export interface Shapes {
  readonly waiters: Pick<Waiters, "count">;
  /** Adds `/v1/shape`, and lets held requests go before the server closes. */
  routes(app: FastifyInstance): void;
  close(): void;
}

/** The feed, served as Electric serves shapes (protocol 1.5): snapshot, catch-up, long poll, server-sent events. */
export function createShapes(options: ShapesOptions): Shapes {
  const { store, tokens, door, contacts, receipts, onEpoch, clock, log, settings } = options;
  const { budget, requestsPerSite: perSite } = settings;
  const seal = (scope: FeedScope, epoch: string) => sealOf(receipts, scope, epoch);
  const waiters = createWaiters({ store, tokens, sealOf: seal, log, budget, perSite });
  const stopListening = onEpoch((epoch) => waiters.beginEpoch(epoch));
  tokens.onRevoke((token) => waiters.endOf(token));

  async function answer(incoming: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    // Whatever the answer is, also one that the server's error handler gives.
    reply.header("cache-control", "private, no-store");
    const refusal = await door.refusalOf(incoming);
    if (refusal) return sendRefusal(reply, 426, "FailedPrecondition", refusal);
    const site = await door.siteOf(incoming);
    const { request, errors } = parseShapeRequest(incoming.query as Query);
    if (!request) return sendInvalid(reply, errors);
    const denied = scopeRefusal(request.scope, site);
    if (denied) throw new Fault("PermissionDenied", denied);

    const { page, epoch } = await read(request);
    const handle = typeof request.from === "object" ? request.from.handle : newHandle(request.scope, epoch);
    if (!page || !isHandleOf(handle, request.scope, epoch)) {
      return sendMustRefetch(reply, newHandle(request.scope, epoch));
    }
    const cursor = nextCursor(request.cursor, clock.now(), settings.pollFor);
    const answered = { request, handle, cursor, epoch, seal: seal(request.scope, epoch) };
    if (request.mode === "catch-up") return sendPage(incoming, reply, answered, render(page, answered.seal));
    const letGo = contacts.opened(site.site, incoming.raw.socket);
    try {
      return await hold(incoming, reply, { site, answered, page });
    } finally {
      letGo();
    }
  }

  /** Answers when something happens, or for as long as the settings say. */
  async function hold(
    incoming: FastifyRequest,
    reply: FastifyReply,
    { site, answered, page }: { site: SiteBearer; answered: Answered; page: ShapePage },
  ): Promise<FastifyReply> {
    const { request, epoch, seal } = answered;
    const holding = { waiters, clock, settings, epoch, site: { ...site, until: endOf(site) } };
    if (request.mode === "sse") {
      const onward = (after: number) => readOn(answered, site, after);
      return streamEvents(reply, { ...holding, answered, first: page, readOn: onward });
    }
    const isAtEnd = page.messages.length === 0 && page.upToDate;
    const held = isAtEnd
      ? await holdRequest(reply, { ...holding, scope: request.scope, after: page.next.seq })
      : undefined;
    return sendPage(incoming, reply, answered, held ?? render(page, seal));
  }

  /** The page that is asked for, if there is one, and in which life of the hub it was read: both of one snapshot. */
  function read({ scope, from }: ShapeRequest): Promise<{ page: ShapePage | undefined; epoch: string }> {
    const after = typeof from === "object" ? lastRead(from.offset) : 0;
    return store.read(async (view) => {
      if (from === "now") {
        const { epoch, ...tail } = await readTail(view, scope, Number.MAX_SAFE_INTEGER, budget);
        return { page: firstPage(scope, { ...tail, rows: [], complete: true }), epoch };
      }
      const { epoch, ...tail } = await readTail(view, scope, after, budget);
      const page = from === "beginning" ? firstPage(scope, tail) : pageAfter(scope, from.offset, tail);
      return { page, epoch };
    });
  }

  /** The next page of a stream; undefined when it must start anew or its token opens nothing any more. */
  function readOn({ request, epoch }: Answered, { token }: SiteBearer, after: number): Promise<ShapePage | undefined> {
    const { scope } = request;
    return store.read(async (view) => {
      if ((await tokens.refused(view, [token])).size > 0) return undefined;
      const { epoch: now, ...tail } = await readTail(view, scope, after, budget);
      return now === epoch ? pageAfter(scope, { seq: after, read: 0 }, tail) : undefined;
    });
  }

  function endOf({ notAfter }: SiteBearer): number {
    return notAfter === undefined ? Number.POSITIVE_INFINITY : notAfter - clock.now();
  }

  return {
    waiters,
    routes(app) {
      // Held for as long as the settings say, whatever limit the server sets to other requests.
      const unlimited = { handlerTimeout: 2 ** 31 - 1 };
      const follows = { schema: GET_SHAPE, exposeHeadRoute: false, config: { auth: "own" }, ...unlimited } as const;
      app.get("/v1/shape", follows, answer);
      app.route({
        method: ["HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"],
        url: "/v1/shape",
        schema: UNDOCUMENTED,
        config: { auth: "own" },
        handler: async (request, reply) => {
          await door.siteOf(request);
          return sendRefusal(reply.header("allow", "GET"), 405, "Unimplemented", "a shape is only read, with GET");
        },
      });
      app.addHook("preClose", async () => waiters.close());
    },
    close() {
      stopListening();
      waiters.close();
    },
  };
}

/**
 * The client sends the cursor of one live answer with the next request, so that no cache takes the two for one. It only
 * has to rise: the protocol takes the time in steps of one poll.
 */
function nextCursor(previous: number, now: number, step: number): number {
  const PROTOCOL_BEGINS = Date.UTC(2024, 9, 9);
  const seconds = (Math.ceil((now - PROTOCOL_BEGINS) / step) * step) / 1_000;
  return Math.max(Math.round(seconds), previous + 1);
}
