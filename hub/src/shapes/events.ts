import { once } from "node:events";
import { type Clock, seconds } from "@holdfast/runtime";
import type { FastifyReply } from "fastify";
import { type Answered, electricHeaders } from "./answer.ts";
import type { Holding } from "./hold.ts";
import type { ShapePage } from "./page.ts";
import { render } from "./rendered.ts";

/** A follower that has not taken this many bytes is slower than the feed: it is cut off, and catches up by pages. */
const MAX_UNSENT = 4 * 1024 * 1024;

/** A follower that takes nothing of a page for so long does not read at all, milliseconds. */
const READS_WITHIN = seconds(30);

interface Stream extends Holding {
  readonly answered: Answered;
  readonly first: ShapePage;
  /** The page after a number; undefined when the follower must start anew. */
  readonly readOn: (after: number) => Promise<ShapePage | undefined>;
}

/**
 * Answers with server-sent events until the stream's time is up, the follower goes, or the hub closes. What is there
 * comes first and ends with up-to-date; a follower that has it all is told nothing until something happens.
 */
export async function streamEvents(reply: FastifyReply, stream: Stream): Promise<FastifyReply> {
  const { waiters, clock, settings, epoch, site, answered, first, readOn } = stream;
  const over = new AbortController();
  const abort = () => over.abort();
  reply.hijack();
  const { raw } = reply;
  raw.once("close", abort);
  raw.once("error", abort);
  raw.writeHead(200, {
    ...electricHeaders(answered, first),
    "content-type": "text/event-stream",
    "cache-control": "private, no-store",
    "x-accel-buffering": "no",
  });
  raw.flushHeaders();

  const release = waiters.hold({ epoch, site: site.site, token: site.token, end: abort });
  let page: ShapePage | undefined = first;
  while (page && !over.signal.aborted) {
    if (page.messages.length > 0 && !raw.write(render(page, answered.seal).events())) await drained(raw, clock, over);
    if (page.upToDate) break;
    page = await readOn(page.next.seq);
  }
  release();
  if (page && !over.signal.aborted) {
    const remove = waiters.add({
      scope: answered.request.scope,
      epoch,
      site: site.site,
      token: site.token,
      revocations: site.revocations,
      after: page.next.seq,
      deliver(delivered) {
        raw.write(delivered.events());
        if (raw.writableLength > MAX_UNSENT) raw.destroy();
      },
      end: abort,
    });
    const timing = { until: site.until, every: settings.keepAliveEvery, streamFor: settings.streamFor };
    await keepAlive(
      timing,
      (ms) => clock.sleep(ms, over.signal),
      () => raw.write(": keep-alive\n\n"),
    );
    remove();
  }
  // What a follower has not read by now it asks for again; waiting for it to read would hold up whoever closes.
  if (raw.writableNeedDrain) raw.destroy();
  else raw.end();
  return reply;
}

/** Resolves when the stream's time is up or its sleep is broken off. */
async function keepAlive(
  { until, every, streamFor }: { until: number; every: number; streamFor: number },
  sleep: (milliseconds: number) => Promise<void>,
  beat: () => void,
): Promise<void> {
  // Streams opened together, after a restart of the hub, do not all end together.
  let left = Math.min(streamFor * (0.75 + Math.random() / 4), until);
  try {
    for (; left > every; left -= every) {
      await sleep(every);
      beat();
    }
    await sleep(left);
  } catch {
    // Broken off: the caller ends the stream.
  }
}

/** Resolves when all is taken or the stream is over; it is over for a follower that takes too long. */
async function drained(raw: FastifyReply["raw"], clock: Clock, over: AbortController): Promise<void> {
  const taken = new AbortController();
  const ended = AbortSignal.any([over.signal, taken.signal]);
  const tooLong = clock.sleep(READS_WITHIN, ended).then(
    () => over.abort(),
    () => undefined,
  );
  await once(raw, "drain", { signal: over.signal }).catch(() => undefined);
  taken.abort();
  await tooLong;
}
