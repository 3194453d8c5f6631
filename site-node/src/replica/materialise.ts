import { isDeepStrictEqual } from "node:util";
import type { Transaction } from "@holdfast/inventory";
import type { Kind, Resource } from "@holdfast/protocol/kinds/kind";
import { siteTables } from "../database/tables.ts";
import type { LocalIntent } from "../intents/entry.ts";
import { readBody } from "./body.ts";
import { resourceFrom } from "./overlay.ts";

/** Whose resources these are and which life of the hub their stamps belong to. */
export interface ReplicaOf {
  readonly site: string;
  readonly tenant: string;
  readonly epoch: string;
}

/**
 * Brings what the site shows of one resource in line with the newest feed row of it and the site's own intents. Returns
 * why it could not, when the row is of another version of ours. Throws the store's Faults: a reference to what is not
 * there yet, a name that another still has.
 */
export async function materialise(
  transaction: Transaction,
  of: ReplicaOf,
  { kind, id }: { kind: Kind; id: string },
): Promise<{ unreadable: string } | undefined> {
  const tables = siteTables(transaction);
  // A machine that changes scope may be in both for a while; numbers rise over all scopes, so the newest is right.
  const row = await tables
    .selectFrom("replica_row")
    .select("body")
    .where("kind", "=", kind.name)
    .where("id", "=", id)
    .where("body", "is not", null)
    .orderBy("seq", "desc")
    .executeTakeFirst();
  const read = row?.body ? readBody(kind, row.body) : undefined;
  if (read && "unreadable" in read) return read;
  const existing = await transaction.get(kind, of.tenant, id);
  const intents = await overlayOf(transaction, kind.name, id);
  const resource = resourceFrom({ ...of, kind, id, base: read?.body, intents, existing });
  // Gone from one scope while a claim of it is on its way into the other: it stays as it was until that shows.
  if (!resource && existing && intents.length > 0) return undefined;
  if (!resource) await transaction.delete(kind, of.tenant, id);
  else await put(transaction, { kind, resource, existing });
  return undefined;
}

async function put(
  transaction: Transaction,
  { kind, resource, existing }: { kind: Kind; resource: Resource; existing: Resource | undefined },
): Promise<void> {
  if (!existing) await transaction.insert(kind, resource);
  else if (!isDeepStrictEqual(existing, resource)) await transaction.replace(kind, resource);
}

/** Intents of a resource that still cover the hub's word: neither refused nor shown by the replica. */
async function overlayOf(transaction: Transaction, kind: string, id: string): Promise<LocalIntent[]> {
  return siteTables(transaction)
    .selectFrom("local_intent")
    .selectAll()
    .where("kind", "=", kind)
    .where("resource", "=", id)
    .where((row) => row.or([row("outcome", "is", null), row("outcome", "!=", "quarantined"), row("field", "is", null)]))
    .orderBy("number")
    .execute();
}
