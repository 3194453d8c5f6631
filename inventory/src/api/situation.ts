import type { ListQuery, View } from "../store/contract.ts";

/** Where a machine is that should be elsewhere. Times are milliseconds since the epoch. */
export interface Misplaced {
  /** The site at which it showed up. */
  readonly siteId: string;
  readonly since: number;
}

/** When a site was last heard: now, when it is connected. Times are milliseconds since the epoch, clock of who answers. */
export interface SiteContact {
  readonly heardAt: number;
  /** Set when the site has been silent for too long: what it observed is not known to hold since then. */
  readonly silentSince?: number;
}

/** What is known about one resource beside the resource itself. */
export interface Notice {
  readonly misplaced?: Misplaced;
  /** How many conflicts about it are open, when there are any. */
  readonly openConflicts?: number;
}

/** What is known at one moment beside the resources themselves, and shown with them: computed on read, never stored there (rule 13). */
export interface Situation {
  /** Undefined for a site that was never heard: nothing that is shown came from it. */
  contactOf(site: string): SiteContact | undefined;
  /** Sites that were heard once and are silent now; asked for by lists alone. */
  readonly silentSites: readonly string[];
  /** Of these resources, by id, those of which there is something to say. */
  notices(ids: readonly string[]): Promise<ReadonlyMap<string, Notice>>;
}

/** Asked once for each answer, in the snapshot that the answer is made from; `tenant` is an id. */
export type LookAround = (view: View, tenant: string) => Situation | Promise<Situation>;

/** Nothing is known beside the resources: every one shows as it is stored. */
export const PLAIN_SITUATION: Situation = {
  contactOf: () => undefined,
  silentSites: [],
  notices: async () => new Map(),
};

/** Since when sites are silent, as lists take it. */
export function whileSilent(situation: Situation): Pick<ListQuery, "silent"> {
  const { silentSites } = situation;
  if (silentSites.length === 0) return {};
  const silent = new Map<string, number>();
  for (const site of silentSites) {
    const since = situation.contactOf(site)?.silentSince;
    if (since !== undefined) silent.set(site, since);
  }
  return { silent };
}
