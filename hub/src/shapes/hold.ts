import type { FeedScope } from "@holdfast/protocol";
import type { Clock } from "@holdfast/runtime";
import type { FastifyReply } from "fastify";
import type { SiteBearer } from "../tokens/tokens.ts";
import type { RenderedPage } from "./rendered.ts";
import type { ShapeSettings } from "./shapes.ts";
import type { Waiters } from "./waiters.ts";

/** What every held request needs. */
export interface Holding {
  readonly waiters: Pick<Waiters, "add" | "hold">;
  readonly clock: Clock;
  readonly settings: ShapeSettings;
  /** The life of the hub whose log is told. */
  readonly epoch: string;
  /** Who waits, and for how many milliseconds its token is still good. */
  readonly site: SiteBearer & { readonly until: number };
}

interface Held extends Holding {
  readonly scope: FeedScope;
  readonly after: number;
}

/**
 * Waits for what follows `after`, as long as a poll is held. Undefined when nothing came: time was up, the hub closes, the
 * token was revoked, or the caller went away.
 */
export async function holdRequest(
  reply: FastifyReply,
  { waiters, clock, settings, epoch, site, scope, after }: Held,
): Promise<RenderedPage | undefined> {
  const over = new AbortController();
  const abort = () => over.abort();
  let page: RenderedPage | undefined;
  const remove = waiters.add({
    scope,
    epoch,
    site: site.site,
    token: site.token,
    revocations: site.revocations,
    after,
    deliver(delivered) {
      page = delivered;
      remove();
      abort();
    },
    end: abort,
  });
  reply.raw.once("close", abort);
  await clock.sleep(Math.min(settings.pollFor, site.until), over.signal).catch(() => undefined);
  remove();
  reply.raw.off("close", abort);
  return page;
}
