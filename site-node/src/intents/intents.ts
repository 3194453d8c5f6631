import type { Transaction } from "@holdfast/inventory";
import type { Kind } from "@holdfast/protocol/kinds/kind";
import type { EntryOutcome } from "@holdfast/protocol/uplink";
import type { Clock } from "@holdfast/runtime";
import { siteTables } from "../database/tables.ts";
import type { Outbox } from "../outbox/outbox.ts";
import { materialise, type ReplicaOf } from "../replica/materialise.ts";
import { intentEntry } from "./entry.ts";

export interface Creation {
  readonly id: string;
  /** Id of the creation: the same one asked twice makes one resource. */
  readonly creation: string;
  readonly actor: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

export interface Edit {
  readonly id: string;
  readonly field: string;
  readonly value: unknown;
  readonly actor: string;
}

interface Journalled {
  readonly kind: Kind;
  readonly resource: string;
  readonly field: string | null;
  readonly base: string;
  readonly value: unknown;
  readonly actor: string;
}

/**
 * What is wanted at this site: journalled, put in the outbox, and shown at once, in one transaction. The link's state
 * makes no difference.
 */
export class Intents {
  readonly #outbox: Outbox;
  readonly #clock: Clock;

  constructor(outbox: Outbox, clock: Clock) {
    this.#outbox = outbox;
    this.#clock = clock;
  }

  async create(transaction: Transaction, of: ReplicaOf, kind: Kind, creation: Creation): Promise<void> {
    const { id, fields, actor, creation: made } = creation;
    const value = { creation: made, fields };
    await this.#journal(transaction, { kind, resource: id, field: null, base: "", value, actor });
    await materialise(transaction, of, { kind, id });
  }

  /** One field. It is based on the stamp that the site shows now, which may be an earlier intent's of this site. */
  async edit(transaction: Transaction, of: ReplicaOf, kind: Kind, edit: Edit): Promise<void> {
    const { id, field, value, actor } = edit;
    const shown = await transaction.get(kind, of.tenant, id);
    const base = shown?.stamps[field]?.id ?? "";
    const intent = await this.#journal(transaction, { kind, resource: id, field, base, value: value ?? null, actor });
    if (!shown || !(await isParked(transaction, kind, id))) {
      await materialise(transaction, of, { kind, id });
      return;
    }
    // The hub's newest word cannot be shown yet, so the edit goes over what is shown instead.
    const generation = shown.generation + 1;
    const stamps = { ...shown.stamps, [field]: { id: intent, epoch: of.epoch, generation } };
    await transaction.replace(kind, { ...shown, generation, stamps, fields: { ...shown.fields, [field]: value } });
  }

  async #journal(transaction: Transaction, journalled: Journalled): Promise<string> {
    const { kind, value, ...rest } = journalled;
    const row = await siteTables(transaction)
      .insertInto("local_intent")
      .values({
        ...rest,
        kind: kind.name,
        id: crypto.randomUUID(),
        value: JSON.stringify(value),
        at: this.#clock.now(),
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

/** Notes what the hub made of an intent. Its overlay stays until the replica has reached the position named. */
export async function recordOutcome(
  transaction: Transaction,
  outcome: EntryOutcome & { intent: string },
): Promise<void> {
  await siteTables(transaction)
    .updateTable("local_intent")
    .set({
      outcome: outcome.result,
      reason: outcome.reason ?? null,
      scope: outcome.at?.scope ?? null,
      seq: outcome.at?.seq ?? null,
    })
    .where("id", "=", outcome.intent)
    .execute();
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
