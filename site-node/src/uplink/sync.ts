import type { Store } from "@holdfast/inventory";
import { type Clock, closeAll, type Log, messageOf, minutes } from "@holdfast/runtime";
import { readSetting } from "../database/settings.ts";
import type { Outbox } from "../outbox/outbox.ts";
import { askAgain } from "../outbox/refused-state.ts";
import type { Follower } from "../replica/follow.ts";
import { listening, readPhase } from "../replica/phase.ts";
import { type AppliedBatch, startPull } from "../replica/pull.ts";
import { type Claiming, startClaims } from "./claim.ts";
import { type Contacting, startContact } from "./contact.ts";
import type { HubHeard } from "./heard.ts";
import { HubLink, type HubLinkOptions } from "./hub-link.ts";
import { type Push, startPush } from "./push.ts";
import { confirmEpoch, knownReplica, openSession } from "./session.ts";

export interface SyncOptions {
  readonly store: Store;
  readonly outbox: Outbox;
  readonly hub: Pick<HubLinkOptions, "hubUrl" | "token" | "fetch">;
  /** Told of whatever the hub says. */
  readonly heard: Pick<HubHeard, "note" | "answered">;
  readonly site: string;
  /** The version of the protocol that the site speaks, where it is not this program's. */
  readonly protocolVersion?: number | undefined;
  readonly clock: Clock;
  readonly log: Log;
  /** Called after each batch of the feed that was applied. */
  readonly onApplied?: (applied: AppliedBatch) => void;
  /** Called after each batch that the hub has taken, when what came of it is durable. */
  readonly onTaken?: () => void;
}

export interface Sync {
  /** See `SiteNode.caughtUp`. */
  caughtUp(signal?: AbortSignal): Promise<void>;
  /** The hub has lost its disk and knows no tokens. */
  readonly claiming: Pick<Claiming, "begin" | "waiting">;
  close(): Promise<void>;
}

const ASK_AGAIN_EVERY = minutes(5);

/**
 * Both directions of the link. They start at once when an earlier life of this home has heard from the hub, and with the
 * hub's first word otherwise; the hub is asked who this site is at every start all the same.
 */
export function startSync(given: SyncOptions): Sync {
  const { store, hub, heard, site, protocolVersion, clock, log, onApplied } = given;
  const link = new HubLink({
    ...{ ...hub, clock },
    ...(protocolVersion === undefined ? {} : { protocolVersion }),
    listener: {
      note: () => heard.note(),
      answered: (status, reason) => heard.answered(status, reason),
      recovering: () => claiming.begin(),
    },
  });
  const options = { ...given, link };
  const stopped = new AbortController();
  const parts: { push?: Push; pull?: Follower; contact?: Contacting; chore?: Promise<void> } = {};
  const up = Promise.withResolvers<{ push: Push; pull: Follower }>();
  up.promise.catch(() => undefined);
  const onListen = () => parts.pull?.restart();
  const confirm = () => confirmEpoch({ ...options, onListen }, stopped.signal);
  /** A hub that was upgraded, or put back, while this site runs: the link is opened anew (rule 23). */
  const onVersion = (protocol: number) => {
    void store
      .read((view) => readSetting(view, "versions"))
      .then((known) => (known?.hub === protocol ? undefined : confirm()))
      // The next answer says it again.
      .catch(() => undefined);
  };
  const claiming = startClaims({
    ...{ store, link, site, clock, log },
    onAccepted: () => {
      confirm().catch(() => undefined);
      parts.push?.retry();
      parts.pull?.restart();
    },
  });

  function start(tenant: string): void {
    if (parts.push || stopped.signal.aborted) return;
    const contact = startContact({ ...options, tenant, onListen, onVersion });
    const pull = startPull(
      { site, tenant },
      {
        ...{ store, link, clock, log },
        beforeSnapshot: confirm,
        replicaOf: async () => (await knownReplica(store, site)) ?? never(),
        onBehind: () => contact.now(),
        ...(onApplied ? { onApplied } : {}),
      },
    );
    const push = startPush({
      ...options,
      ...{ tenant, onListen, onVersion },
      // The link is back: what follows the feed need not pause any more.
      onReached: () => pull.hurry(),
      onTaken: () => {
        contact.sent();
        options.onTaken?.();
      },
    });
    Object.assign(parts, { push, pull, contact, chore: keepAsking(options, tenant, stopped.signal) });
    up.resolve({ push, pull });
  }

  async function run(): Promise<void> {
    const known = await knownReplica(store, site);
    if (known) start(known.tenant);
    const opened = await openSession({ ...options, onListen }, stopped.signal);
    start(opened.tenant);
  }

  const running = run().catch((error) => {
    if (!stopped.signal.aborted) log.error({ error: messageOf(error) }, "the link to the hub could not be set up");
    up.reject(error);
  });
  return {
    claiming,
    caughtUp: async (signal) => {
      const { push, pull } = await up.promise;
      for (;;) {
        const before = await store.read(listening);
        await push.drained(signal);
        await pull.refresh(signal);
        const now = await store.read(async (view) => ({ at: await listening(view), phase: await readPhase(view) }));
        // Otherwise the hub has begun another life meanwhile, and there was more to say and to hear.
        if (now.at === before && now.phase.is === "settled") return;
      }
    },
    close: async () => {
      stopped.abort(new Error("stopped"));
      await running;
      await closeAll(parts.pull, parts.push, parts.contact, claiming);
      await parts.chore;
    },
  };
}

/** What the hub could not take of what the site observes it is asked to take again, now and then (rule 9). */
async function keepAsking(
  { store, outbox, site, clock, log }: SyncOptions,
  tenant: string,
  signal: AbortSignal,
): Promise<void> {
  for (;;) {
    await clock.sleep(ASK_AGAIN_EVERY, signal).catch(() => undefined);
    if (signal.aborted) return;
    await store
      .write((transaction) => askAgain(transaction, outbox, { site, tenant, now: clock.now() }))
      .catch((error) => log.warn({ error: messageOf(error) }, "refused observations could not be queued again"));
  }
}

function never(): never {
  throw new Error("the replica belongs to no tenant");
}
