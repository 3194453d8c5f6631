import type { ConflictBody } from "@holdfast/protocol";
import type { Asking } from "../inventory.ts";
import type { View } from "../store/contract.ts";

/** Several values were wanted of one field, by people who did not know of one another. */
export interface Conflict extends ConflictBody {
  /** `conflict-` and 16 hex digits. */
  readonly id: string;
}

export interface ConflictQuery {
  readonly tenant: string;
  /** Of this resource alone. */
  readonly resourceId?: string;
  readonly limit: number;
  readonly offset: number;
}

export interface Resolution extends Asking {
  readonly tenant: string;
  readonly id: string;
  /** The `write` of the value that shall stand. */
  readonly choose: string;
  /** The `write`s of the values that the operator saw; all that the conflict has now when absent. */
  readonly saw?: readonly string[];
}

/** Open conflicts, as the hub has them and as its sites hold a copy of theirs. */
export interface Conflicts {
  list(view: View, query: ConflictQuery): Promise<{ readonly conflicts: readonly Conflict[]; readonly total: number }>;
  get(view: View, tenant: string, id: string): Promise<Conflict | undefined>;
  /**
   * Lets one value stand, as a write of its own. Throws NotFound when there is no such open conflict, InvalidArgument when it
   * has no such value, Aborted when it has got others than `saw`, and what a write of the value may throw.
   */
  resolve(resolution: Resolution): Promise<void>;
}
