import type { FieldConflict, Transaction, View } from "@holdfast/inventory";
import type {
  AccessBody,
  AliasBody,
  ArrivalEntry,
  CommandEntry,
  ConflictBody,
  CreateIntent,
  DeleteIntent,
  EditIntent,
  Kind,
} from "@holdfast/protocol";
import type { Applied, Origin } from "./origin.ts";

/**
 * What the uplink gives on to those who own it. Every method runs in the transaction of the batch, inside a savepoint of the
 * entry's own; a `Fault` sets the entry aside.
 */
export interface UplinkPorts {
  readonly conflicts: ConflictPort;
  readonly commands: CommandPort;
  readonly arrivals: ArrivalPort;
  readonly access: AccessPort;
  readonly aliases: AliasPort;
}

/** A local intent that cannot simply apply, and why. */
export interface RefusedIntent {
  readonly entry: CreateIntent | DeleteIntent | EditIntent;
  readonly kind: Kind;
  readonly origin: Origin;
  readonly reason: string;
}

export interface ConflictPort {
  /** Keeps the value of an intent that did not apply beside the one that stands. Returns the conflict's id. */
  record(tx: Transaction, refused: RefusedIntent): Promise<string>;
  /** An edit that chooses between the values of a conflict has been applied. Returns the conflict's id if it stays open. */
  resolved(tx: Transaction, choice: { entry: EditIntent; kind: Kind; origin: Origin }): Promise<string | undefined>;
  /** A site has deleted itself what it made and the hub did not make: nobody wants that any more. */
  withdrawn(tx: Transaction, gone: { entry: DeleteIntent; kind: Kind; origin: Origin }): Promise<void>;
  /** A conflict as a site holds it, for a hub that may have lost it (rule 20). Given again it changes nothing. */
  recoverConflict(
    tx: Transaction,
    held: { readonly id: string; readonly body: ConflictBody; readonly origin: Origin },
  ): Promise<void>;
  /**
   * Values of a recovered row that can be told neither older nor newer than the hub's; `field` null: the whole row, whose
   * `write` is the id of its creation and `value` its fields.
   */
  recordRecovered(
    tx: Transaction,
    found: {
      readonly kind: Kind;
      readonly id: string;
      readonly origin: Origin;
      readonly reason: string;
      readonly held: FieldConflict["held"];
      readonly field: string | null;
    },
  ): Promise<void>;
}

export interface CommandPort {
  reported(tx: Transaction, report: { entry: CommandEntry; origin: Origin }): Promise<Applied>;
  /** A site has begun another life: what was asked of the earlier one will not be done any more (rule 17). */
  onIncarnation(
    tx: Transaction,
    life: { readonly site: string; readonly tenant: string; readonly incarnation: number },
  ): Promise<void>;
}

export interface ArrivalPort {
  arrived(tx: Transaction, arrival: { entry: ArrivalEntry; origin: Origin }): Promise<Applied>;
  /** The site that manages a host sees its machine at work. */
  isHome(tx: Transaction, host: { readonly tenant: string; readonly id: string }): Promise<void>;
}

export interface AccessPort {
  /**
   * An operator's token as a site holds it, for a hub that may have lost it. One that the hub knows stays as it is. A site's
   * word alone must open nothing at the hub: it could have made the token itself.
   */
  recoverAccess(
    tx: Transaction,
    held: { readonly id: string; readonly body: AccessBody; readonly origin: Origin },
  ): Promise<void>;
}

export interface AliasPort {
  /** What an id that is no more stands for; undefined when it is none. */
  aliasOf(view: View, tenant: string, id: string): Promise<string | undefined>;
  /**
   * A host made at a site which the hub knows as another (rule 5). Undefined when the two are not the same machine; then the
   * creation is a conflict.
   */
  sameMachine(tx: Transaction, made: { entry: CreateIntent; kind: Kind; origin: Origin }): Promise<Applied | undefined>;
  /** An id that is no more, as a site holds it. */
  recoverAlias(
    tx: Transaction,
    held: { readonly id: string; readonly body: AliasBody; readonly origin: Origin },
  ): Promise<void>;
}
