import type { Store } from "@holdfast/inventory";
import { Site } from "@holdfast/protocol/kinds/site";
import { CLAIMED_LIVES, type RecoveryClaim, RecoveryClaimReply } from "@holdfast/protocol/recovery";
import { type Clock, fullJitter, type Log, messageOf, seconds } from "@holdfast/runtime";
import { Compile } from "typebox/compile";
import { readSetting } from "../database/settings.ts";
import type { HubLink } from "./hub-link.ts";

const shape = Compile(RecoveryClaimReply);

const ANSWERS_WITHIN = seconds(20);
const ASK_AGAIN = { first: seconds(2), most: seconds(60) };

export interface ClaimOptions {
  readonly store: Store;
  readonly link: HubLink;
  readonly site: string;
  readonly clock: Clock;
  readonly log: Log;
  /** The hub takes the site's token now. */
  readonly onAccepted: () => void;
}

export interface Claiming {
  /** The hub has lost its disk and does not know this site: claim to be it, until an operator says so. */
  begin(): void;
  /** Set while an operator is still to compare the fingerprint. */
  waiting(): { readonly fingerprint: string; readonly since: number } | undefined;
  close(): Promise<void>;
}

/** Says to a hub that has lost its disk which site this is, as often as it takes; it gives no rights by itself (rule 20). */
export function startClaims(options: ClaimOptions): Claiming {
  const { clock, log, link, onAccepted } = options;
  const stopped = new AbortController();
  let since: number | undefined;
  let running: Promise<void> = Promise.resolve();

  async function run(): Promise<void> {
    for (let times = 0; !stopped.signal.aborted; times += 1) {
      try {
        if (await claim(options, stopped.signal)) break;
      } catch (error) {
        log.warn({ error: messageOf(error) }, "the claim did not reach the hub, will try again");
      }
      await clock.sleep(seconds(1) + fullJitter(times, ASK_AGAIN), stopped.signal).catch(() => undefined);
    }
    since = undefined;
    if (stopped.signal.aborted) return;
    log.info("the hub takes this site's token again");
    onAccepted();
  }

  return {
    begin: () => {
      if (since !== undefined || stopped.signal.aborted) return;
      since = clock.now();
      log.error(
        { fingerprint: link.fingerprint },
        "the hub has lost its disk: at the hub, accept this site when it shows the same fingerprint",
      );
      running = run();
    },
    waiting: () => (since === undefined ? undefined : { fingerprint: link.fingerprint, since }),
    close: async () => {
      stopped.abort(new Error("stopped"));
      await running;
    },
  };
}

/** Returns whether the hub takes the token: accepted, or not recovering any more. */
async function claim({ store, link, site }: ClaimOptions, signal: AbortSignal): Promise<boolean> {
  const body = await claimOf(store, site, link.fingerprint);
  if (!body) throw new Error("this home has never heard its hub, so it holds nothing of it");
  const asked = { body: JSON.stringify(body), within: ANSWERS_WITHIN, signal, answers: "anybody" } as const;
  const answer = await link.ask("/v1/recovery/claims", asked);
  if (answer.status === 200 || answer.status === 202) {
    if (!shape.Check(answer.body)) throw new Error("the hub's answer is not of the known shape");
    if (answer.body.state === "waiting") return false;
  }
  // A hub that has come through its recovery takes no claims: who the site is, it says by itself now.
  const self = await link.ask("/v1/sites/self", { within: ANSWERS_WITHIN, signal });
  return self.status === 200;
}

async function claimOf(store: Store, siteId: string, fingerprint: string): Promise<RecoveryClaim | undefined> {
  return store.read(async (view) => {
    const tenant = await readSetting(view, "tenant");
    const stream = await readSetting(view, "stream");
    if (!tenant || !stream) return undefined;
    const known = (await readSetting(view, "lineage")) ?? [];
    const lineage = (known.length > 0 ? known : [stream.epoch]).slice(-CLAIMED_LIVES);
    const row = await view.get(Site, tenant.id, siteId);
    const siteName = (row?.fields.name ?? siteId).slice(0, 200);
    return { siteId, siteName, tenant: { id: tenant.id, name: tenant.name.slice(0, 100) }, lineage, fingerprint };
  });
}
