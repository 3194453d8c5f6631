import { randomUUID } from "node:crypto";
import type { IdBlock, Kind, Resource } from "@holdfast/protocol";
import type { Clock } from "@holdfast/runtime";
import type { AuditHead } from "../audit/verify.ts";
import type { Author } from "../author.ts";
import type { Addressed, Inventory, RemoveRequest, UpdateRequest } from "../inventory.ts";
import type { Store, Tenant, Transaction } from "../store/contract.ts";
import type { Created, CreateInRequest } from "./create.ts";
import type { SiteDeletion } from "./delete.ts";
import type { Edit, EditOutcome } from "./edit.ts";
import type { RecoveredRow, Recovery } from "./held.ts";
import { HubAuthority } from "./hub-authority.ts";
import { livesOf } from "./lives.ts";
import { type ManagedFieldsOf, NONE_MANAGED, type Observed } from "./managed.ts";
import type { Report } from "./observe.ts";
import type { LetGo } from "./recover-let-go.ts";
import type { Release, ReleaseOutcome } from "./release.ts";
import type { Clearing } from "./tenants.ts";
import type { AuthorityListener, WasHeard } from "./write.ts";

export type { Created, CreateInRequest } from "./create.ts";
export type { SiteDeletion } from "./delete.ts";
export type { Edit, EditOutcome } from "./edit.ts";
export type { FieldConflict, RecoveredRow, Recovery } from "./held.ts";
export type { ManagedFieldsOf, Observed } from "./managed.ts";
export type { Report } from "./observe.ts";
export type { LetGo } from "./recover-let-go.ts";
export type { Release, ReleaseOutcome } from "./release.ts";
export { type Clearing, frozenTenant } from "./tenants.ts";
export type { AuthorityListener, Write } from "./write.ts";

/**
 * The inventory at the hub: what it accepts is so. Beside operators' writes it takes in what sites report; those methods
 * run inside the caller's transaction and throw a `Fault` for what no rightful site sends.
 */
export interface Authority extends Inventory {
  /** Which life of the hub this is; another only after a restore. */
  epoch(): string;
  createTenant(request: NewTenant): Promise<Tenant>;
  createTenantIn(tx: Transaction, request: NewTenant): Promise<Tenant>;
  /** From now on nothing new is taken for a tenant: no creations and no changes, but what its sites observe and let go. */
  freezeTenantIn(tx: Transaction, request: OfTenant): Promise<void>;
  /** See `clearKind`. */
  clearIn(tx: Transaction, kind: Kind, request: Author & Clearing): Promise<number>;
  /** Removes a frozen tenant of which no resource is left; its history stays. Throws FailedPrecondition otherwise. */
  endTenantIn(tx: Transaction, request: OfTenant): Promise<void>;
  createIn(tx: Transaction, kind: Kind, request: CreateInRequest): Promise<Created>;
  editIn(tx: Transaction, edit: Edit): Promise<EditOutcome>;
  /** See `applyDelete`. */
  deleteIn(tx: Transaction, deletion: SiteDeletion): Promise<EditOutcome>;
  observeIn(tx: Transaction, report: Report): Promise<void>;
  /** Writes what a manager observed, see `writeManaged`, and changes what it wants as `update` does: both or neither. */
  observeAsManager(kind: Kind, request: Observed): Promise<void>;
  releaseIn(tx: Transaction, release: Release): Promise<ReleaseOutcome>;
  /** Sets fields as `update` does, also to the values that they have: an operator has chosen between several. */
  settleIn(tx: Transaction, kind: Kind, request: UpdateRequest): Promise<Resource>;
  /** See `Inventory.remove`. */
  removeIn(tx: Transaction, kind: Kind, request: RemoveRequest): Promise<void>;
  /** See `forceRelease`. */
  forceReleaseIn(tx: Transaction, host: Addressed): Promise<void>;
  /** See `forceDelete`. */
  forceDeleteIn(tx: Transaction, host: Addressed): Promise<void>;
  /**
   * Removes what is retired, what every site of its tenant knows to be so, and what nothing refers to (rule 12). `upTo` says
   * by tenant how far all its sites have followed the tenant's feed. Returns how many.
   */
  purgeRetired(upTo: ReadonlyMap<string, number>): Promise<number>;
  /** A block of id numbers for one site, never lent twice. */
  lendIds(tx: Transaction, count: number): Promise<IdBlock>;

  /** All lives of the hub, oldest first, this one last. */
  lineage(): readonly string[];
  /**
   * Begins another life of the hub, for it has lost history: stamps, lent ids and feed positions from now on are told from
   * all that may have been given out and forgotten. `beyond` is a feed position that the hub is known to have reached.
   * `also` runs in the same transaction. Returns the new epoch.
   */
  beginEpoch(beginning?: {
    readonly beyond?: number;
    /** For the log, which tells of the new life to the hub and to every project. */
    readonly told?: { readonly by?: Author; readonly reason: string; readonly lost?: AuditHead | undefined };
    readonly also?: (tx: Transaction, epoch: string) => Promise<void>;
  }): Promise<string>;
  /**
   * Learns of lives that the hub had in a database that is lost, oldest first: they come before this one, so that what was
   * written in them can be ordered.
   */
  learnLives(lives: readonly string[]): Promise<void>;
  /** Called after another life of the hub has begun. Returns how to stop it. */
  onEpoch(listener: (epoch: string) => void): () => void;
  /**
   * Takes back from a site what the hub may have lost (rule 20): a resource that it does not know is made again; of each
   * field the site's value is adopted when its stamp is later in an earlier life and the field has not been written since;
   * what cannot be told is a conflict, which the caller records. Throws a `Fault`: InvalidArgument naming a reference to what
   * is not there yet, for the caller to try again later; PermissionDenied for what the site cannot hold.
   */
  recoverIn(tx: Transaction, held: RecoveredRow): Promise<Recovery>;
  /**
   * The same for a machine that the site let go: what asked for that is not asked for again. Throws FailedPrecondition for one
   * that another still refers to, for the caller to try again later.
   */
  recoverLetGoIn(tx: Transaction, letGo: LetGo): Promise<Recovery>;
}

export interface NewTenant extends Author {
  readonly name: string;
  /** A fresh one when absent. */
  readonly id?: string;
}

/** `tenant` is an id. */
export interface OfTenant extends Author {
  readonly tenant: string;
}

export interface AuthorityParts {
  readonly store: Store;
  readonly clock: Clock;
  /** A unique id of a write, a creation, a tenant, the epoch. */
  readonly newId?: () => string;
  readonly listeners?: readonly AuthorityListener[];
  /** Whether a site cannot be reached now: what is wanted of its machines may come too late (rule 17). */
  readonly isSilent?: (site: string) => boolean;
  /** Machines of a site that never was are let go at once; every site was when absent. */
  readonly wasHeard?: WasHeard;
  /** Which observed fields are not the sites'. */
  readonly managedOf?: ManagedFieldsOf;
}

/** The authority over a store, in the life of the hub that the store tells of, or in a first one that begins now. */
export async function createAuthority({
  store,
  clock,
  newId = randomUUID,
  listeners = [],
  isSilent = () => false,
  wasHeard = async () => true,
  managedOf = NONE_MANAGED,
}: AuthorityParts): Promise<Authority> {
  const lives = await store.write((tx) => livesOf(tx, newId));
  return new HubAuthority({ store, clock, newId, listeners, isSilent, wasHeard, managedOf }, lives);
}
