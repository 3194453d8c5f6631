import type { Tenant, Transaction, View } from "@holdfast/inventory";
import type { Stream, Witness } from "@holdfast/protocol/uplink";
import type { JWK } from "jose";
import type { Phase } from "../replica/phase.ts";

/** The stream that entries are numbered in: `next` is the number of the next entry, `previous` the last batch's hash. */
export interface SiteStream extends Stream {
  readonly next: number;
  readonly previous: string;
}

/** The hub's own signature of how far it had taken this site's entries in. */
export interface CursorReceipt {
  readonly epoch: string;
  readonly incarnation: number;
  readonly cursor: number;
  readonly receipt: string;
}

/** An answer of the hub that would have put a scope back: what the site had, and what came. */
export interface BehindAnswer {
  readonly scope: string;
  readonly had: number;
  readonly came: number;
  readonly at: number;
}

/** The hub does not let this site in. */
export interface HubRefusal {
  readonly since: number;
  readonly status: number;
  readonly reason: string;
}

interface Settings {
  /** Whose home this is. */
  readonly site: string;
  readonly tenant: Tenant;
  readonly stream: SiteStream;
  readonly phase: Phase;
  readonly listening: number;
  /** The hub's lives that this site has known, oldest first. */
  readonly lineage: readonly string[];
  readonly cursorReceipt: CursorReceipt;
  /** The newest that the hub's life before this one had signed. */
  readonly earlierWitness: Witness;
  readonly behind: BehindAnswer | null;
  readonly hubRefusal: HubRefusal | null;
  /** When the hub was last heard, by the site's clock; as of a minute ago. */
  readonly hubHeardAt: number;
  /** No time before this one is true. */
  readonly timeFloor: number;
  /** The versions of the protocol that hub and site spoke when the link was last opened. */
  readonly versions: { readonly hub: number; readonly site: number };
  /** The greatest incarnation that this home has had. */
  readonly incarnation: number;
  /** The count in the version of the newest document that tells a machine what it should be, whichever machine. */
  readonly documents: number;
  /** The private key by which this site signs what it orders of its machines, as JWK. */
  readonly orderKey: JWK;
  /** Of the last order that was signed. */
  readonly orderSequence: number;
  /** When this site-node last noted that it runs, by its own clock. */
  readonly alive: number;
}

/** A value that the site-node keeps about itself; undefined until it is known. */
export async function readSetting<N extends keyof Settings>(view: View, name: N): Promise<Settings[N] | undefined> {
  const text = await view.setting(`site-node:${name}`);
  return text === undefined ? undefined : (JSON.parse(text) as Settings[N]);
}

export async function writeSetting<N extends keyof Settings>(
  transaction: Transaction,
  name: N,
  value: Settings[N],
): Promise<void> {
  await transaction.setSetting(`site-node:${name}`, JSON.stringify(value));
}
