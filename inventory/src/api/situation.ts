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

/** What is known at one moment beside the resources themselves, and shown with them: computed on read, never stored there. */
export interface Situation {
  /** Undefined for a site that was never heard. */
  contactOf(site: string): SiteContact | undefined;
  /** Sites that were never heard or are silent. */
  readonly silentSites: readonly string[];
  misplaced(hostId: string): Misplaced | undefined;
  /** How many conflicts about the resource are open. */
  conflictsOf(resourceId: string): number;
}
