import type { Transaction, View } from "@holdfast/inventory";
import type { Host } from "@holdfast/protocol/kinds/host";
import type { Resource } from "@holdfast/protocol/kinds/kind";
import { Region } from "@holdfast/protocol/kinds/region";
import { Site } from "@holdfast/protocol/kinds/site";
import { type DocumentVersion, encode } from "@holdfast/protocol/messages";
import type { Selectable } from "kysely";
import { readSetting, writeSetting } from "../database/settings.ts";
import { type SiteTables, siteTables } from "../database/tables.ts";

/** What an agent is told its machine should be, without the version that it is told it in. */
export interface DesiredContent {
  readonly name: string;
  readonly generation: number;
  readonly metadata: Readonly<Record<string, string>>;
}

export type DesiredDocument = Selectable<SiteTables["desired_document"]>;

interface Item {
  readonly key: string;
  readonly value: string;
}

/** The nearer wins: what the host sets, then its site, then the regions upwards. */
export function mergedMetadata(nearestFirst: readonly (readonly Item[] | undefined)[]): Record<string, string> {
  const merged = new Map<string, string>();
  for (const items of nearestFirst) {
    for (const { key, value } of items ?? []) if (!merged.has(key)) merged.set(key, value);
  }
  return Object.fromEntries([...merged].toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

export async function desiredContent(view: View, host: Resource<typeof Host>): Promise<DesiredContent> {
  const { fields, tenant, generation } = host;
  const site = fields.siteId ? await view.get(Site, tenant, String(fields.siteId)) : undefined;
  const layers = [fields.metadata, site?.fields.metadata];
  let regionId = site?.fields.regionId;
  // Regions are five deep at most; a loop among them, which the hub forbids, would otherwise never end.
  for (let depth = 0; regionId && depth < 16; depth += 1) {
    const region: Resource<typeof Region> | undefined = await view.get(Region, tenant, String(regionId));
    layers.push(region?.fields.metadata);
    regionId = region?.fields.parentId;
  }
  return { name: fields.name ?? "", generation, metadata: mergedMetadata(layers) };
}

/**
 * The number of a new document, greater than that of any before: counted for all hosts together, for what one had is forgotten
 * when its machine is put out, and that machine still knows it when it is let in again (rule 19).
 */
async function nextCounter(transaction: Transaction, had: number): Promise<number> {
  const counter = Math.max(had, (await readSetting(transaction, "documents")) ?? 0) + 1;
  await writeSetting(transaction, "documents", counter);
  return counter;
}

/**
 * The document to publish, when what it says has changed or nobody has published it. Its version is greater than any
 * the host had from this site, also when the site's disk was lost in between.
 */
export async function storeDesired(
  transaction: Transaction,
  { host, incarnation, content }: { host: string; incarnation: number; content: DesiredContent },
): Promise<DesiredDocument> {
  const tables = siteTables(transaction);
  const text = JSON.stringify(content);
  const stored = await tables.selectFrom("desired_document").selectAll().where("host", "=", host).executeTakeFirst();
  if (stored && stored.content === text && stored.incarnation === incarnation) return stored;
  const counter = await nextCounter(transaction, stored?.counter ?? 0);
  const next = { incarnation, counter, content: text, published: 0, reached: null };
  await tables
    .insertInto("desired_document")
    .values({ host, ...next })
    .onConflict((conflict) => conflict.column("host").doUpdateSet(next))
    .execute();
  return { host, ...next };
}

/**
 * Notes what a machine made of a document: `""` that it applied it, else why it could not. Says no when that is not the
 * newest document, for a newer one is on its way to it; `isNew` when it had not said this before.
 */
export async function noteReached(
  transaction: Transaction,
  { host, version, reached }: { host: string; version: DocumentVersion | undefined; reached: string },
): Promise<{ readonly isNewest: boolean; readonly isNew: boolean; readonly generation: number }> {
  const tables = siteTables(transaction);
  const document = await tables.selectFrom("desired_document").selectAll().where("host", "=", host).executeTakeFirst();
  const isNewest = version?.incarnation === document?.incarnation && version?.counter === document?.counter;
  if (!document || !isNewest) return { isNewest: false, isNew: false, generation: 0 };
  const { generation } = JSON.parse(document.content) as DesiredContent;
  const isNew = document.reached !== reached;
  if (isNew) await tables.updateTable("desired_document").set({ reached }).where("host", "=", host).execute();
  return { isNewest, isNew, generation };
}

export function desiredPayload({ host, incarnation, counter, content }: DesiredDocument): Uint8Array {
  const { name, generation, metadata } = JSON.parse(content) as DesiredContent;
  const version = { incarnation, counter };
  return encode("Desired", { version, hostId: host, name, generation, metadata: { ...metadata } });
}
