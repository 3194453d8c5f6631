import type { Kind, Resource } from "@holdfast/protocol";
import type { Author } from "../author.ts";
import type { Tenant, Transaction } from "../store/contract.ts";

/** One write: whose it is, when, and the id that its stamps carry. */
export interface Write extends Author {
  readonly id: string;
  readonly epoch: string;
  readonly at: number;
  /** The site at which it was made; absent when it was made at the hub. */
  readonly site?: string;
  /** Whether a site does not hear of it now. */
  readonly isSilent: (site: string) => boolean;
  readonly wasHeard: WasHeard;
  /** Who hears of what it does. */
  readonly told: readonly AuthorityListener[];
}

/** Whether a site was ever heard: one that never was holds nothing, and nobody there can let go of anything. */
export type WasHeard = (tx: Transaction, site: string) => Promise<boolean>;

/**
 * Told of what the authority writes, in the same transaction, once that is done and published, so that what depends on it
 * is never without it. Throwing undoes the write.
 */
export interface AuthorityListener {
  /** Intent fields of a resource were set, at its creation too, and also to the values that they had. */
  written?(
    tx: Transaction,
    written: { kind: Kind; resource: Resource; fields: readonly string[]; write: Write },
  ): Promise<void>;
  /** A machine has another owner, or none; its instances are told of one by one. */
  moved?(tx: Transaction, moved: { kind: Kind; before: Resource; after: Resource }): Promise<void>;
  gone?(tx: Transaction, gone: { kind: Kind; resource: Resource }): Promise<void>;
  tenantMade?(tx: Transaction, tenant: Tenant): Promise<void>;
  /** Nothing new is taken for it any more: it is being deleted. */
  tenantFrozen?(tx: Transaction, tenant: Tenant): Promise<void>;
  /** It had no resources left. */
  tenantGone?(tx: Transaction, tenant: Tenant): Promise<void>;
}

/** The intent fields among these. */
export function intentFields(kind: Kind, fields: Readonly<Record<string, unknown>>): string[] {
  return Object.keys(fields).filter((name) => kind.fields[name]?.owner === "operator");
}

export async function tellWritten(
  tx: Transaction,
  kind: Kind,
  { resource, fields, write }: { resource: Resource; fields: Readonly<Record<string, unknown>>; write: Write },
): Promise<void> {
  const names = intentFields(kind, fields);
  if (names.length === 0) return;
  for (const listener of write.told) await listener.written?.(tx, { kind, resource, fields: names, write });
}

export async function tellMoved(
  tx: Transaction,
  kind: Kind,
  { before, after, write }: { before: Resource; after: Resource; write: Write },
): Promise<void> {
  for (const listener of write.told) await listener.moved?.(tx, { kind, before, after });
}

export async function tellGone(tx: Transaction, kind: Kind, resource: Resource, write: Write): Promise<void> {
  for (const listener of write.told) await listener.gone?.(tx, { kind, resource });
}
