import { randomUUID } from "node:crypto";
import { Host, type IdBlock, type Kind, type Resource, type ResourceBody, tenantScope } from "@holdfast/protocol";
import { type Clock, Fault } from "@holdfast/runtime";
import type { Actor, Addressed, CreateRequest, Inventory, UpdateRequest } from "../inventory.ts";
import type { Store, Tenant, Transaction } from "../store/contract.ts";
import { FieldFault, missing } from "../store/faults.ts";
import { type Created, type CreateInRequest, createResource } from "./create.ts";
import { deletedState, isBeingDeleted } from "./desired-state.ts";
import { applyEdit, type Edit, type EditOutcome } from "./edit.ts";
import { forceDelete, forceRelease } from "./force.ts";
import { lendBlock } from "./ids.ts";
import { changedFields, normalise } from "./intent-rules.ts";
import { erase, refuseReferred, setFields, type Write } from "./intent-writes.ts";
import { applyReport, type Report } from "./observe.ts";
import { applyRelease, type Release, type ReleaseOutcome } from "./release.ts";
import { validateFields } from "./validate.ts";

/**
 * The inventory at the hub: what it accepts is so. Beside operators' writes it takes in what sites report; those methods
 * run inside the caller's transaction and throw a `Fault` for what no rightful site sends.
 */
export interface Authority extends Inventory {
  /** Which life of the hub this is; another only after a restore. */
  epoch(): string;
  createTenant(request: { readonly actor: Actor; readonly name: string; readonly id?: string }): Promise<Tenant>;
  createIn(tx: Transaction, kind: Kind, request: CreateInRequest): Promise<Created>;
  editIn(tx: Transaction, edit: Edit): Promise<EditOutcome>;
  observeIn(tx: Transaction, report: Report): Promise<void>;
  releaseIn(tx: Transaction, release: Release): Promise<ReleaseOutcome>;
  /** Sets fields as `update` does, also to the values that they have: an operator has chosen between several. */
  settleIn(tx: Transaction, kind: Kind, request: UpdateRequest): Promise<Resource>;
  /** See `forceRelease`. */
  forceReleaseIn(tx: Transaction, host: Addressed): Promise<void>;
  /** See `forceDelete`. */
  forceDeleteIn(tx: Transaction, host: Addressed): Promise<void>;
  /** A block of id numbers for one site, never lent twice. */
  lendIds(tx: Transaction, count: number): Promise<IdBlock>;

  /** All lives of the hub, oldest first, this one last. */
  lineage(): readonly string[];
  /**
   * Begins another life of the hub, for it has lost history: stamps, lent ids and feed positions from now on are told from
   * all that may have been given out and forgotten. `beyond` is a feed position that the hub is known to have reached.
   * `also` runs in the same transaction. Returns the new epoch.
   */
  beginEpoch(beginning: {
    readonly beyond?: number;
    readonly also?: (tx: Transaction, epoch: string) => Promise<void>;
  }): Promise<string>;
  /** Called after another life of the hub has begun. Returns how to stop it. */
  onEpoch(listener: (epoch: string) => void): () => void;
  /**
   * Takes back from a site what the hub may have lost (rule 20): a resource that it does not know is made again; of each
   * field the site's value is adopted when its stamp is later in an earlier life and the field has not been written since;
   * what cannot be told is a conflict, which the caller records.
   */
  recoverIn(tx: Transaction, held: RecoveredRow): Promise<Recovery>;
  /** The same for a machine that the site let go: what asked for that is not asked for again. */
  recoverLetGoIn(tx: Transaction, let_: RecoveredRow & Pick<Release, "reason" | "stamp">): Promise<Recovery>;
}

/** A row of the feed as a site holds it. */
export interface RecoveredRow {
  readonly site: string;
  readonly tenant: string;
  readonly kind: Kind;
  readonly id: string;
  readonly body: ResourceBody;
}

/** Two values of one field of which neither can be said to be the later one. */
export interface FieldConflict {
  readonly field: string;
  readonly held: { readonly write: string; readonly value: unknown };
}

export interface Recovery {
  readonly conflicts: readonly FieldConflict[];
}

/**
 * Told of what the authority writes, in the same transaction, so that what depends on it is never without it. Throwing
 * undoes the write.
 */
export interface AuthorityListener {
  /** Intent fields of a resource were set, at its creation too. */
  written?(
    tx: Transaction,
    written: { kind: Kind; resource: Resource; fields: readonly string[]; write: Write },
  ): Promise<void>;
  /** A machine has another owner, or none; its instances are told of one by one. */
  moved?(tx: Transaction, moved: { kind: Kind; before: Resource; after: Resource }): Promise<void>;
  gone?(tx: Transaction, gone: { kind: Kind; resource: Resource }): Promise<void>;
  tenantMade?(tx: Transaction, tenant: Tenant): Promise<void>;
}

export interface AuthorityParts {
  readonly store: Store;
  readonly clock: Clock;
  /** A unique id of a write, a creation, a tenant, the epoch. */
  readonly newId?: () => string;
  readonly listeners?: readonly AuthorityListener[];
}

/** The authority over a store, with the epoch that the store has or now gets. */
export async function createAuthority({
  store,
  clock,
  newId = randomUUID,
  listeners = [],
}: AuthorityParts): Promise<Authority> {
  const epoch = await store.write(async (tx) => {
    const known = await tx.setting("epoch");
    if (known !== undefined) return known;
    const made = newId();
    await tx.setSetting("epoch", made);
    return made;
  });
  return new HubAuthority({ store, clock, newId, listeners }, epoch);
}

class HubAuthority implements Authority {
  readonly store: Store;
  readonly #clock: Clock;
  readonly #newId: () => string;
  readonly #epoch: string;
  readonly #listeners: readonly AuthorityListener[];

  constructor({ store, clock, newId, listeners }: Required<AuthorityParts>, epoch: string) {
    this.store = store;
    this.#clock = clock;
    this.#newId = newId;
    this.#listeners = listeners;
    this.#epoch = epoch;
  }

  epoch(): string {
    return this.#epoch;
  }

  lineage(): readonly string[] {
    return [this.#epoch];
  }

  beginEpoch(): Promise<string> {
    throw new TypeError("not here yet");
  }

  onEpoch(): () => void {
    return () => undefined;
  }

  recoverIn(): Promise<Recovery> {
    throw new TypeError("not here yet");
  }

  recoverLetGoIn(): Promise<Recovery> {
    throw new TypeError("not here yet");
  }

  async create<K extends Kind>(kind: K, request: CreateRequest): Promise<Resource<K>> {
    const { resource } = await this.store.write((tx) => this.createIn(tx, kind, request));
    return resource as Resource<K>;
  }

  async update<K extends Kind>(kind: K, request: UpdateRequest): Promise<Resource<K>> {
    return (await this.store.write((tx) => this.#updateIn(tx, kind, request))) as Resource<K>;
  }

  remove(kind: Kind, request: Addressed): Promise<void> {
    return this.store.write((tx) => this.#removeIn(tx, kind, request));
  }

  async createTenant({ actor, name, id = randomUUID() }: Parameters<Authority["createTenant"]>[0]): Promise<Tenant> {
    if (name.length < 1 || name.length > 100) {
      throw new FieldFault("InvalidArgument", ["name"], "a tenant's name has 1 to 100 characters");
    }
    return this.store.write(async (tx) => {
      await tx.insertTenant({ id, name });
      const at = this.#clock.now();
      const subject = { tenant: id, kind: "tenant", id };
      await tx.appendChange({ at, actor, ...subject, operation: "create", before: null, after: { name } });
      await tx.appendFeed(tenantScope(id), "tenant", id, { name });
      for (const listener of this.#listeners) await listener.tenantMade?.(tx, { id, name });
      return { id, name };
    });
  }

  createIn(tx: Transaction, kind: Kind, request: CreateInRequest): Promise<Created> {
    const write = this.#write(request.actor, request.write);
    return createResource(tx, kind, { request, write, creation: request.creation ?? this.#newId() });
  }

  editIn(tx: Transaction, edit: Edit): Promise<EditOutcome> {
    return applyEdit(tx, edit, this.#write(edit.actor, edit.write));
  }

  observeIn(tx: Transaction, report: Report): Promise<void> {
    return applyReport(tx, report);
  }

  releaseIn(tx: Transaction, release: Release): Promise<ReleaseOutcome> {
    return applyRelease(tx, release, this.#write(`site:${release.site}`));
  }

  async settleIn(tx: Transaction, kind: Kind, request: UpdateRequest): Promise<Resource> {
    const before = await this.#existing(tx, kind, request);
    const fields = wantedOf(kind, request);
    return (await setFields(tx, kind, before, { fields, write: this.#write(request.actor) })).resource;
  }

  async forceReleaseIn(tx: Transaction, host: Addressed): Promise<void> {
    await forceRelease(tx, await this.#existing(tx, Host, host), this.#write(host.actor));
  }

  async forceDeleteIn(tx: Transaction, host: Addressed): Promise<void> {
    await forceDelete(tx, await this.#existing(tx, Host, host), this.#write(host.actor));
  }

  lendIds(tx: Transaction, count: number): Promise<IdBlock> {
    return lendBlock(tx, count);
  }

  async #updateIn(tx: Transaction, kind: Kind, request: UpdateRequest): Promise<Resource> {
    const before = await this.#existing(tx, kind, request);
    if (request.ifGeneration !== undefined && request.ifGeneration !== before.generation) {
      throw new Fault("Aborted", `${kind.name} ${request.id} is at generation ${before.generation}`);
    }
    const fields = changedFields(before.fields, wantedOf(kind, request));
    if (Object.keys(fields).length === 0) return before;
    const { resource } = await setFields(tx, kind, before, { fields, write: this.#write(request.actor) });
    return resource;
  }

  async #removeIn(tx: Transaction, kind: Kind, request: Addressed): Promise<void> {
    const before = await this.#existing(tx, kind, request);
    if (isBeingDeleted(kind, before.fields)) return;
    const write = this.#write(request.actor);
    const desiredState = deletedState(kind);
    if (desiredState !== undefined) {
      await setFields(tx, kind, before, { fields: { desiredState }, write });
      return;
    }
    await refuseReferred(tx, kind, before);
    await erase(tx, kind, before, write);
  }

  async #existing(tx: Transaction, kind: Kind, { tenant, id }: Addressed): Promise<Resource> {
    const resource = await tx.get(kind, tenant, id);
    if (!resource) throw missing(kind);
    return resource;
  }

  #write(actor: Actor, id = this.#newId()): Write {
    return { id, epoch: this.#epoch, actor, at: this.#clock.now() };
  }
}

/** The values that an update asks for, checked: a field that is unset gets its initial one. */
function wantedOf(kind: Kind, { actor, fields }: UpdateRequest): Readonly<Record<string, unknown>> {
  validateFields(kind, fields, { who: actor === "hub" ? "hub" : "operator", on: "update" });
  const wanted = Object.entries(normalise(kind, fields));
  return Object.fromEntries(wanted.map(([name, value]) => [name, value ?? kind.fields[name]?.initial]));
}
