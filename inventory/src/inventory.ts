import type { Kind, Resource } from "@holdfast/protocol";
import type { Author } from "./author.ts";
import type { Store } from "./store/contract.ts";

/** Who asks for a change: `operator:alice`, `site:site-0a1b2c3d`, `hub`. */
export type Actor = string;

/**
 * The rules of writing intent, over a store: at the hub the authority's, at a site those of local intents. Both answer
 * the same REST API. Every method is one transaction with its change log and feed rows; all throw `Fault` for what a
 * caller can mend, naming the field.
 */
export interface Inventory {
  readonly store: Store;
  create<K extends Kind>(kind: K, request: CreateRequest): Promise<Resource<K>>;
  /** Changes the fields given and no others; `null` unsets one. */
  update<K extends Kind>(kind: K, request: UpdateRequest): Promise<Resource<K>>;
  /** Removes at once, or asks the managing site to let go: the resource then shows its desired state as deleted. */
  remove(kind: Kind, request: RemoveRequest): Promise<void>;
}

/** How safe a write is: the site alone has it, or the hub too; which conflict it became when the hub had another value. */
export interface Durability {
  readonly held: "site" | "hub";
  readonly conflict?: string;
}

/** Who asks, and how long for. */
export interface Asking extends Author {
  /** How long a site may wait for the hub's word on it, milliseconds; not at all when absent. */
  readonly waitFor?: number;
  /** Told how safe the write is, once that is known; the authority's writes are held by the hub. */
  readonly durable?: (durability: Durability) => void;
  /** They keep the resources of the kind in the place of the hub. */
  readonly keeper?: true;
}

export interface Addressed extends Asking {
  readonly tenant: string;
  readonly id: string;
}

export interface CreateRequest extends Asking {
  readonly tenant: string;
  /** By name, as the API shows them; already of the right shape. */
  readonly fields: Readonly<Record<string, unknown>>;
  /** Id of the creation; a repeated one gives back what it made. A fresh one when absent. */
  readonly creation?: string;
  /** The id it shall have; a fresh one when absent. */
  readonly id?: string;
}

export interface RemoveRequest extends Addressed {
  /** The generation that the caller saw; refused with Aborted (`OtherGeneration`) when another stands. */
  readonly ifGeneration?: number;
  /** The `writesOf` what the caller saw; refused likewise. */
  readonly ifWrites?: string;
}

export interface UpdateRequest extends RemoveRequest {
  readonly fields: Readonly<Record<string, unknown>>;
}
