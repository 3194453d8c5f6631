import type { Store, Transaction } from "@holdfast/inventory";
import { SiteSession } from "@holdfast/protocol/session";
import { type Clock, Fault, fullJitter, type Log, messageOf, seconds } from "@holdfast/runtime";
import { Compile } from "typebox/compile";
import { readSetting, writeSetting } from "../database/settings.ts";
import type { Outbox } from "../outbox/outbox.ts";
import { rememberLives, startStream, touchAll } from "../outbox/stream.ts";
import type { ReplicaOf } from "../replica/materialise.ts";
import { followAnew } from "../replica/phase.ts";
import type { HubLink } from "./hub-link.ts";

const shape = Compile(SiteSession);
const EPOCH = /^.{1,64}$/;

export interface SessionOptions {
  readonly store: Store;
  readonly outbox: Outbox;
  readonly link: HubLink;
  readonly site: string;
  readonly clock: Clock;
  readonly log: Log;
  /** See `RestreamOptions`. */
  readonly onListen?: () => void;
}

/** What the replica belongs to, once the hub has been heard at least once in this home's life; undefined before. */
export async function knownReplica(store: Store, site: string): Promise<ReplicaOf | undefined> {
  return store.read(async (view) => {
    const [tenant, stream] = [await readSetting(view, "tenant"), await readSetting(view, "stream")];
    return tenant && stream ? { site, tenant: tenant.id, epoch: stream.epoch } : undefined;
  });
}

/** Asks the hub who this site is, until it says; what it said is stored, so later starts need no hub. */
export async function openSession(options: SessionOptions, signal: AbortSignal): Promise<ReplicaOf> {
  const { clock, log, site } = options;
  for (let failures = 0; ; failures += 1) {
    try {
      const answer = await askWhoAmI(options, signal);
      await goOn(options, answer);
      log.info({ tenant: answer.tenant.id, epoch: answer.epoch }, "the hub knows this site");
      return { site, tenant: answer.tenant.id, epoch: answer.epoch };
    } catch (error) {
      signal.throwIfAborted();
      const isForPeople = error instanceof Fault && error.code === "FailedPrecondition";
      const level = isForPeople && failures === 0 ? "error" : "warn";
      log[level]({ error: messageOf(error) }, "the hub has not said yet who this site is, will ask again");
    }
    await clock.sleep(fullJitter(failures, { first: 500, most: seconds(30) }), signal);
  }
}

/**
 * Asks which life of the hub answers now, and goes over to it when it is another. Throws when the hub does not say. To be
 * asked before a whole slice is taken over: a hub that was restored may have forgotten what this site knows.
 */
export async function confirmEpoch(options: SessionOptions, signal: AbortSignal): Promise<void> {
  await goOn(options, await askWhoAmI(options, signal));
}

async function goOn(options: SessionOptions, answer: SiteSession): Promise<void> {
  const listens = await options.store.write((transaction) => remember(transaction, options, answer));
  if (listens) options.onListen?.();
}

async function askWhoAmI({ link, site }: SessionOptions, signal: AbortSignal): Promise<SiteSession> {
  const { status, body } = await link.ask("/v1/sites/self", { within: seconds(20), signal });
  if (status !== 200)
    throw new Fault("Unavailable", `the hub answered ${status}: ${JSON.stringify(body)?.slice(0, 300)}`);
  if (!shape.Check(body) || !EPOCH.test(body.epoch))
    throw new Fault("Internal", "the hub's answer is not of the known shape");
  if (body.siteId !== site) {
    throw new Fault("FailedPrecondition", `the token is that of ${body.siteId}, this is ${site}: check --token-file`);
  }
  return body;
}

/** Returns whether the feed must be asked anew. */
async function remember(transaction: Transaction, options: SessionOptions, answer: SiteSession): Promise<boolean> {
  const { outbox, site, clock, link } = options;
  const { tenant, epoch, lineage, protocol } = answer;
  if (!(await transaction.tenant(tenant.id))) await transaction.insertTenant(tenant);
  await writeSetting(transaction, "tenant", tenant);
  const before = await readSetting(transaction, "versions");
  await writeSetting(transaction, "versions", { hub: protocol, site: link.protocolVersion });
  const stream = await readSetting(transaction, "stream");
  const lives = lineage ?? [epoch];
  await rememberLives(transaction, stream && !lives.includes(stream.epoch) ? [stream.epoch, ...lives] : lives);
  if (stream?.epoch !== epoch) {
    const reason = stream ? "epoch" : "first";
    await startStream(transaction, outbox, { epoch, reason, site, tenant: tenant.id, now: clock.now() });
    return true;
  }
  if (before?.hub === protocol && before.site === link.protocolVersion) return false;
  // Either side may know more kinds and fields than it did: each says again what it has (rule 23).
  await touchAll(transaction, outbox, { site, tenant: tenant.id });
  await followAnew(transaction);
  return true;
}
