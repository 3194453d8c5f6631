import { isDeepStrictEqual } from "node:util";
import type { Transaction } from "@holdfast/inventory";
import { Host } from "@holdfast/protocol/kinds/host";
import type { Kind, Resource } from "@holdfast/protocol/kinds/kind";
import { sql } from "kysely";
import { DELETION, type LocalIntent } from "../intents/entry.ts";
import { readBody } from "./body.ts";
import { resourceFrom } from "./overlay.ts";

// As texts: each of these is asked for every batch, and building a statement takes longer than such a one runs.
const ROWS = `select id, body, parked from replica_row
  where kind = ? and id in (select value from json_each(?)) order by seq`;
const OVERLAYS = `select * from local_intent
  where kind = ? and resource in (select value from json_each(?))
    and (outcome is null or outcome != 'quarantined' or (? and field is null))
  order by number`;

/** Whose resources these are and which life of the hub their stamps belong to. */
export interface ReplicaOf {
  readonly site: string;
  readonly tenant: string;
  readonly epoch: string;
}

/** What is known of one resource: what the site shows of it, and what it should show it from. */
export interface Known {
  /** The newest feed row's body, as text; undefined when no scope has it. */
  readonly body: string | undefined;
  /** The site's own intents that the replica does not show yet, oldest first. */
  readonly intents: readonly LocalIntent[];
  readonly existing: Resource | undefined;
  /** A row of it is marked as waiting, or as gone. */
  readonly marked: boolean;
}

/** Reads what is known of many resources of a kind with a few statements. */
export async function knownOf(
  transaction: Transaction,
  { tenant }: ReplicaOf,
  { kind, ids }: { kind: Kind; ids: readonly string[] },
): Promise<(id: string) => Known> {
  const { bodies, marked } = await rowsOf(transaction, kind.name, ids);
  const intents = await overlays(transaction, kind.name, ids);
  const existing = await transaction.getMany(kind, tenant, ids);
  return (id) => ({
    body: bodies.get(id),
    intents: intents.get(id) ?? [],
    existing: existing.get(id),
    marked: marked.has(id),
  });
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
  const known = await knownOf(transaction, of, { kind, ids: [id] });
  return materialiseKnown(transaction, of, { kind, id, known: known(id) });
}

/** The same, of what has been read already. */
export async function materialiseKnown(
  transaction: Transaction,
  of: ReplicaOf,
  { kind, id, known }: { kind: Kind; id: string; known: Known },
): Promise<{ unreadable: string } | undefined> {
  const { body, intents, existing } = known;
  // Whatever the hub says of it meanwhile, be it what cannot be read: it was deleted here, until the hub knows of that.
  if (intents.some(({ field }) => field === DELETION)) {
    await transaction.delete(kind, of.tenant, id);
    return undefined;
  }
  const read = body === undefined ? undefined : readBody(kind, body);
  if (read && "unreadable" in read) return read;
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

/** A machine that changes scope may be in both for a while; numbers rise over all scopes, so the newest is right. */
async function rowsOf(transaction: Transaction, kind: string, ids: readonly string[]) {
  type Row = { readonly id: string; readonly body: string | null; readonly parked: string | null };
  const rows = await transaction.rows<Row>(ROWS, [kind, JSON.stringify(ids)]);
  const bodies = new Map<string, string>();
  const marked = new Set<string>();
  for (const { id, body, parked } of rows) {
    if (body !== null) bodies.set(id, body);
    if (body === null || parked !== null) marked.add(id);
  }
  return { bodies, marked };
}

/**
 * Whether what was made here stays shown when the hub has turned it down: a host does, for the machine that it admitted is
 * real. Anything else would hold on to what it refers to: a host that is another site's by now would still be managed here.
 */
export function staysShown(kind: string): boolean {
  return kind === Host.name;
}

/** Intents that still cover the hub's word: neither refused nor shown by the replica. */
async function overlays(transaction: Transaction, kind: string, ids: readonly string[]) {
  const rows = await transaction.rows<LocalIntent>(OVERLAYS, [kind, JSON.stringify(ids), Number(staysShown(kind))]);
  return Map.groupBy(rows, ({ resource }) => resource);
}

/** One parameter for any number of ids. */
export function oneOf(ids: readonly string[]) {
  return sql<string>`(select value from json_each(${JSON.stringify(ids)}))`;
}
