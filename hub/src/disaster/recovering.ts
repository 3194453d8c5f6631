import type { Authority, Store } from "@holdfast/inventory";
import { RateLimits } from "@holdfast/inventory/api/rate-limit";
import type { RecoveryClaim, RecoveryClaimReply } from "@holdfast/protocol";
import { siteFingerprint } from "@holdfast/protocol";
import { type Clock, Fault, type Log } from "@holdfast/runtime";
import type { SiteBearer } from "../tokens/tokens.ts";
import { claimsIn, keepClaim, recoveringSince } from "./claims.ts";

/** What a hub that has lost its disk does for its sites, while it runs. */
export interface Recovering {
  /** Whether the hub is recovering from its sites. */
  active(): Promise<boolean>;
  /** Takes a claim. Throws FailedPrecondition when the hub is not recovering, ResourceExhausted when there are too many. */
  claim(claim: RecoveryClaim, claimant: { token: string; address: string }): Promise<RecoveryClaimReply>;
  /** To be called before a site is heard: the lives of the lost hub that it knows come before this hub's own. */
  letIn(caller: Pick<SiteBearer, "site" | "tenant">): Promise<void>;
}

interface Parts {
  readonly store: Store;
  readonly authority: Pick<Authority, "learnLives">;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Claims a second from one address, and how many at once: a thousand sites behind it that all ask every half minute. Over all
 * so many times as many, so that one who asks without end does not keep the others from being heard.
 */
const CLAIMS = { perSecond: 50, atOnce: 200, addresses: 10 };

export async function createRecovering({ store, authority, clock, log }: Parts): Promise<Recovering> {
  const limit = new RateLimits(CLAIMS, clock);
  const learnt = new Set<string>();
  // It begins only while no hub runs, and ends for good.
  let recovering = (await store.read(recoveringSince)) !== undefined;

  async function active(): Promise<boolean> {
    if (recovering) recovering = (await store.read(recoveringSince)) !== undefined;
    return recovering;
  }

  return {
    active,
    async claim(claim, { token, address }) {
      if (!limit.allows(address)) throw new Fault("ResourceExhausted", "too many claims at once, ask again later");
      if (!(await active())) throw new Fault("FailedPrecondition", "this hub is not recovering from its sites");
      const state = await store.write((tx) => keepClaim(tx, claim, { token, address, now: clock.now() }));
      return { state, fingerprint: siteFingerprint(token) };
    },
    async letIn({ site, tenant }) {
      if (learnt.has(site) || !(await active())) return;
      const claims = await store.read((view) => claimsIn(view, site));
      const accepted = claims.filter((claim) => claim.accepted_at !== null && claim.tenant === tenant);
      for (const { lineage } of accepted) await authority.learnLives(JSON.parse(lineage) as string[]);
      if (accepted.length > 0) log.info({ site }, "a site that an operator let in tells the hub what it holds");
      learnt.add(site);
    },
  };
}
