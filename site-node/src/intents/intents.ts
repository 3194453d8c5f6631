import type { Author, Transaction } from "@holdfast/inventory";
import { Host } from "@holdfast/protocol/kinds/host";
import type { Kind } from "@holdfast/protocol/kinds/kind";
import { LANES } from "@holdfast/protocol/uplink";
import type { Clock } from "@holdfast/runtime";
import { siteTables } from "../database/tables.ts";
import type { Outbox } from "../outbox/outbox.ts";
import { materialise, type ReplicaOf } from "../replica/materialise.ts";
import { askedFrom } from "./asked-from.ts";
import { DELETION, intentEntry, type Resolves } from "./entry.ts";

export interface Creation extends Author {
  readonly id: string;
  /** Id of the creation: the same one asked twice makes one resource. */
  readonly creation: string;
  readonly fields: Readonly<Record<string, unknown>>;
  /** A machine is being admitted as this host at the same time. */
  readonly bound?: boolean;
}

export interface Edit extends Author {
  readonly id: string;
  readonly field: string;
  readonly value: unknown;
  readonly resolves?: Resolves;
}

export interface Deletion extends Author {
  readonly id: string;
}

interface Journalled extends Author {
  readonly kind: Kind;
  readonly resource: string;
  readonly field: string | null;
  readonly base: string;
  readonly value: unknown;
  readonly bound?: boolean;
  readonly resolves?: Resolves;
}

/**
 * What is wanted at this site: journalled, put in the outbox, and shown at once, in one transaction. The link's state
 * makes no difference (rule 4).
 */
export class Intents {
  readonly #outbox: Outbox;
  readonly #clock: Pick<Clock, "now">;

  constructor(outbox: Outbox, clock: Pick<Clock, "now">) {
    this.#outbox = outbox;
    this.#clock = clock;
  }

  /** Returns the intent's id. */
  async create(transaction: Transaction, of: ReplicaOf, kind: Kind, creation: Creation): Promise<string> {
    const { id, fields, creation: made, ...by } = creation;
    const value = { creation: made, fields };
    const intent = await this.#journal(transaction, { ...by, kind, resource: id, field: null, base: "", value });
    await materialise(transaction, of, { kind, id });
    return intent;
  }

  /**
   * One field. It is based on the stamp that the site shows now, which may be an earlier intent's of this site (rule 1).
   * Returns the intent's id.
   */
  async edit(transaction: Transaction, of: ReplicaOf, kind: Kind, edit: Edit): Promise<string> {
    const { id, field, value, ...by } = edit;
    const shown = await transaction.get(kind, of.tenant, id);
    const base = shown?.stamps[field]?.id ?? "";
    const journalled = { ...by, kind, resource: id, field, base, value: value ?? null };
    const intent = await this.#journal(transaction, journalled);
    if (!shown || !(await isParked(transaction, kind, id))) {
      await materialise(transaction, of, { kind, id });
      return intent;
    }
    // The hub's newest word cannot be shown yet, so the edit goes over what is shown instead.
    const generation = shown.generation + 1;
    const stamps = { ...shown.stamps, [field]: { id: intent, epoch: of.epoch, generation } };
    const fields = { ...shown.fields, [field]: value ?? undefined };
    await transaction.replace(kind, { ...shown, generation, stamps, fields });
    return intent;
  }

  /** Based on all that the site shows of it now (rule 1). Nothing more can be wanted of it here. Returns the intent's id. */
  async remove(transaction: Transaction, of: ReplicaOf, kind: Kind, { id, ...by }: Deletion): Promise<string> {
    const shown = await transaction.get(kind, of.tenant, id);
    const saw = Object.entries(shown?.stamps ?? {}).map(([field, stamp]) => [field, stamp.id] as const);
    const journalled = { ...by, kind, resource: id, field: DELETION, base: "", value: Object.fromEntries(saw) };
    const intent = await this.#journal(transaction, journalled);
    await materialise(transaction, of, { kind, id });
    return intent;
  }

  /**
   * A machine has been admitted as a host that was made here: while the hub has not been told of the host, it will be told
   * of both together, and keeps this host when it has the machine under another id (rule 5).
   */
  async bind(transaction: Transaction, host: string): Promise<void> {
    const tables = siteTables(transaction);
    const made = await tables
      .updateTable("local_intent")
      .set({ bound: 1 })
      .where("kind", "=", Host.name)
      .where("resource", "=", host)
      .where("field", "is", null)
      .where("outcome", "is", null)
      .where("bound", "=", 0)
      .returningAll()
      .executeTakeFirst();
    if (!made) return;
    // What is sealed does not change any more (rule 1).
    const unsent = await tables
      .selectFrom("outbox")
      .select(["number", "body"])
      .where("lane", "=", LANES.intent)
      .where("sealed", "=", 0)
      .where("body", "like", `%"${made.id}"%`)
      .execute();
    for (const { number, body } of unsent) {
      const entry = JSON.parse(body ?? "{}") as { type?: string; intent?: string };
      if (entry.type !== "create" || entry.intent !== made.id) continue;
      const bound = JSON.stringify(intentEntry(made));
      await tables.updateTable("outbox").set({ body: bound }).where("number", "=", number).execute();
    }
  }

  async #journal(transaction: Transaction, journalled: Journalled): Promise<string> {
    const { kind, resource, field, base, value, bound, resolves } = journalled;
    const { actor, token } = journalled;
    const row = await siteTables(transaction)
      .insertInto("local_intent")
      .values({
        ...{ kind: kind.name, resource, field, base, actor },
        id: crypto.randomUUID(),
        value: JSON.stringify(value),
        at: this.#clock.now(),
        token: token ?? null,
        asked_from: askedFrom(journalled),
        bound: bound ? 1 : 0,
        resolves: resolves === undefined ? null : JSON.stringify(resolves),
      })
      .returningAll()
      .executeTakeFirstOrThrow();
    await this.#outbox.add(transaction, intentEntry(row));
    return row.id;
  }
}

async function isParked(transaction: Transaction, kind: Kind, id: string): Promise<boolean> {
  const row = await siteTables(transaction)
    .selectFrom("replica_row")
    .select("id")
    .where("kind", "=", kind.name)
    .where("id", "=", id)
    .where("parked", "is not", null)
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

/** Whether anything that this site wanted of a resource does not show in the replica yet. */
export async function hasPendingIntents(transaction: Transaction, kind: string, id: string): Promise<boolean> {
  const row = await siteTables(transaction)
    .selectFrom("local_intent")
    .select("id")
    .where("kind", "=", kind)
    .where("resource", "=", id)
    .where((where) => where.or([where("outcome", "is", null), where("outcome", "!=", "quarantined")]))
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}
