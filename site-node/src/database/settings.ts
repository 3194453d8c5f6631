import type { Tenant, Transaction, View } from "@holdfast/inventory";
import type { Stream } from "@holdfast/protocol/uplink";
import type { Phase } from "../replica/phase.ts";

/** The stream that entries are numbered in: `next` is the number of the next entry, `previous` the last batch's hash. */
export interface SiteStream extends Stream {
  readonly next: number;
  readonly previous: string;
}

interface Settings {
  /** Whose home this is. */
  readonly site: string;
  readonly tenant: Tenant;
  readonly stream: SiteStream;
  readonly phase: Phase;
  /** The greatest incarnation that this home has had. */
  readonly incarnation: number;
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
