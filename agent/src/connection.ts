import { randomUUID } from "node:crypto";
import type { AgentUpdate } from "@holdfast/protocol/topics";
import { type Clock, fullJitter, type Log, minutes, seconds } from "@holdfast/runtime";
import { type Address, type Ending, type Link, openLink } from "./link.ts";

export interface ConnectionOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
  readonly address: Address;
  /** The port at which the site's broker is now; asked when no connection came up. Undefined when that is not known. */
  readonly findPort?: (signal: AbortSignal) => Promise<number | undefined>;
  /** Id of the site that answers now; asked before the secret is shown. Undefined when that is not known. */
  readonly whoAnswers?: (signal: AbortSignal) => Promise<string | undefined>;
  /** Asked when the site refuses the secret: where the machine is welcome now. Undefined when nowhere yet. */
  readonly findWelcome?: (signal: AbortSignal) => Promise<Address | undefined>;
  readonly protocolVersion?: number;
  readonly bootId: string;
  /** What the site is told of the agent's update of itself when a link is opened. */
  readonly update?: () => AgentUpdate | undefined;
  readonly onMessage: (leaf: string, payload: Uint8Array) => void;
  /** The site has let us in through this link. */
  readonly onUp: (link: Link) => void;
  readonly onDown: () => void;
}

/**
 * Keeps one link to the site open for as long as it runs. Every connection is a session of its own, with a new random
 * name: the will has to name its session in CONNECT already, and so the will of a link that the broker only later finds
 * dead never takes the one that replaced it for lost.
 */
export interface Connection {
  /** The link that is up now. */
  readonly link: Link | undefined;
  /** Says `offline`, disconnects and stops; at most two seconds are spent on good manners. */
  close(): Promise<void>;
  /** Stops as when power is cut. */
  cut(): Promise<void>;
}

const RECONNECT = { first: seconds(1), most: minutes(5) };
/** A site that knows this host not may learn of it yet, but not by being asked every second. */
const REFUSED = { first: seconds(10), most: minutes(1) };
/** Somebody has to install another version first. */
const UNSERVED = minutes(5);
const STABLE = minutes(1);
const MANNERS = seconds(2);

const REFUSED_BY: Readonly<Record<NonNullable<Ending["refused"]>, string>> = {
  secret: "the site refuses this host's secret; the identity is kept, will try again",
  version: "the site and this agent do not speak the same protocol, will try again",
  elsewhere: "another site answers, which is not shown this host's secret; the identity is kept, will try again",
};

/** Starts connecting, and connects again with full jitter whenever the link is lost. */
export function startConnection(options: ConnectionOptions): Connection {
  const {
    clock,
    log,
    random,
    findPort,
    whoAnswers,
    findWelcome,
    bootId,
    protocolVersion,
    onMessage,
    onUp,
    onDown,
    update,
  } = options;
  const stopped = new AbortController();
  let { address } = options;
  let opening: Link | undefined;
  let link: Link | undefined;
  let failures = 0;
  let told: string | undefined;
  let wasWelcome = false;

  async function hold(): Promise<Ending> {
    const there = await whoAnswers?.(stopped.signal);
    if (there !== undefined && there !== address.siteId) {
      return { reason: `${there} answers there, this host is one of ${address.siteId}`, refused: "elsewhere" };
    }
    if (stopped.signal.aborted) return { reason: "stopped", refused: undefined };
    const mine = openLink({
      address,
      session: randomUUID(),
      bootId,
      log,
      onMessage,
      protocolVersion,
      update: update?.(),
    });
    opening = mine;
    const isUp = await mine.up.then(
      () => true,
      () => false,
    );
    if (isUp) {
      const since = clock.monotonic();
      link = mine;
      wasWelcome = false;
      log.info({ session: mine.session, host: address.host, port: address.port }, "connected to the site");
      onUp(mine);
      await mine.over;
      link = undefined;
      onDown();
      if (clock.monotonic() - since >= STABLE) {
        failures = 0;
        told = undefined;
      }
    } else {
      // Let in but not served: without this it would stay half open for ever.
      mine.cut();
      await mine.over;
      await follow();
    }
    return mine.over;
  }

  /** Whatever is at the old port by now, if anything: the site says where its broker is. */
  async function follow(): Promise<void> {
    const port = await findPort?.(stopped.signal);
    if (port === undefined || port === address.port) return;
    log.warn({ port, before: address.port }, "the site's broker has moved to another port");
    address = { ...address, port };
  }

  function tell({ reason, refused }: Ending, pause: number): void {
    const { host, port } = address;
    if (refused === undefined) {
      log.warn({ host, port, reason, failures, pause }, "not connected to the site, will try again");
    } else if (told !== reason) {
      told = reason;
      log.error({ host, port, reason, pause }, REFUSED_BY[refused]);
    }
  }

  /** How long to wait before the next try, after having looked for where this machine is welcome. */
  async function pauseAfter({ refused }: Ending): Promise<number> {
    if (refused === "version") return UNSERVED / 2 + fullJitter(0, { first: UNSERVED / 2, most: UNSERVED / 2 }, random);
    if (refused === undefined) return fullJitter(failures, RECONNECT, random);
    const welcome = await findWelcome?.(stopped.signal);
    if (welcome) address = welcome;
    // At once, but not again and again: whoever says welcome and lets nobody in is met as one who refuses.
    const isNew = welcome !== undefined && !wasWelcome;
    wasWelcome = welcome !== undefined;
    return fullJitter(isNew ? 0 : failures, isNew ? RECONNECT : REFUSED, random);
  }

  async function run(): Promise<void> {
    while (!stopped.signal.aborted) {
      const ending = await hold();
      if (stopped.signal.aborted) return;
      const pause = await pauseAfter(ending);
      failures += 1;
      if (!wasWelcome) tell(ending, pause);
      await clock.sleep(pause, stopped.signal).catch(() => undefined);
    }
  }

  const running = run();

  async function stop(goodbye: (link: Link) => Promise<void> | void): Promise<void> {
    stopped.abort(new Error("stopped"));
    if (opening) await goodbye(opening);
    opening?.cut();
    await running;
  }

  return {
    get link() {
      return link;
    },
    close: () =>
      stop(async (mine) => {
        if (link === undefined) return;
        const enough = new AbortController();
        await Promise.race([mine.leave(), clock.sleep(MANNERS, enough.signal).catch(() => undefined)]);
        enough.abort();
      }),
    cut: () => stop((mine) => mine.cut()),
  };
}
