import { randomUUID } from "node:crypto";
import { Host, type IdBlock, type Kind, type Resource } from "@holdfast/protocol";
import type { Clock } from "@holdfast/runtime";
import { type Author, authorOf } from "../author.ts";
import type { Addressed, CreateRequest, RemoveRequest, UpdateRequest } from "../inventory.ts";
import type { Store, Tenant, Transaction } from "../store/contract.ts";
import { missing, refuseOther } from "../store/faults.ts";
import { toWrite } from "./apply-before.ts";
import type { Authority, AuthorityParts, NewTenant, OfTenant } from "./authority.ts";
import { type Created, type CreateInRequest, createResource } from "./create.ts";
import { applyDelete, type SiteDeletion } from "./delete.ts";
import { deletedState, isBeingDeleted } from "./desired-state.ts";
import { applyEdit, type Edit, type EditOutcome } from "./edit.ts";
import { forceDelete, forceRelease } from "./force.ts";
import type { RecoveredRow, Recovery } from "./held.ts";
import { lendBlock } from "./ids.ts";
import { normalise } from "./intent-rules.ts";
import { erase, refuseReferred, setFields } from "./intent-writes.ts";
import { beginLife, keepLives, tellLife, withLives } from "./lives.ts";
import { type ManagedFieldsOf, type Observed, writeManaged } from "./managed.ts";
import { applyReport, type Report } from "./observe.ts";
import { recoverRow } from "./recover.ts";
import { type LetGo, recoverLetGo } from "./recover-let-go.ts";
import { applyRelease, type Release, type ReleaseOutcome } from "./release.ts";
import { purge, retire } from "./retire.ts";
import type { TakingBack } from "./take-over.ts";
import { clearKind, endTenant, freezeTenant, makeTenant, refuseFrozenTenant } from "./tenants.ts";
import { validateFields, writerOf } from "./validate.ts";
import type { AuthorityListener, WasHeard, Write } from "./write.ts";

/** The authority over a store whose lives are known. */
export class HubAuthority implements Authority {
  readonly store: Store;
  readonly #clock: Clock;
  readonly #newId: () => string;
  readonly #listeners: readonly AuthorityListener[];
  readonly #isSilent: (site: string) => boolean;
  readonly #wasHeard: WasHeard;
  readonly #managedOf: ManagedFieldsOf;
  readonly #onEpoch = new Set<(epoch: string) => void>();
  #lives: readonly string[];

  constructor(
    { store, clock, newId, listeners, isSilent, wasHeard, managedOf }: Required<AuthorityParts>,
    lives: readonly string[],
  ) {
    this.store = store;
    this.#clock = clock;
    this.#newId = newId;
    this.#listeners = listeners;
    this.#isSilent = isSilent;
    this.#wasHeard = wasHeard;
    this.#managedOf = managedOf;
    this.#lives = lives;
  }

  epoch(): string {
    return this.#lives.at(-1) ?? "";
  }

  lineage(): readonly string[] {
    return this.#lives;
  }

  async beginEpoch({ beyond = 0, told, also }: Parameters<Authority["beginEpoch"]>[0] = {}): Promise<string> {
    const epoch = this.#newId();
    await this.#writeLives(async (tx, lives) => {
      const latest = Math.max(beyond, this.#clock.now());
      // From here on, not after the commit: the next transaction may begin before this one's promise is heard of.
      this.#lives = await beginLife(tx, { lives, epoch, beyond: latest });
      await tellLife(tx, { lives, epoch, at: this.#clock.now(), ...told });
      await also?.(tx, epoch);
    });
    for (const listener of this.#onEpoch) listener(epoch);
    return epoch;
  }

  async learnLives(told: readonly string[]): Promise<void> {
    await this.#writeLives(async (tx, known) => {
      const lives = withLives(known, told);
      if (lives.length > known.length) this.#lives = await keepLives(tx, lives);
    });
  }

  /** Work on the lives as they are at its turn; what it made of them does not hold when it is undone. */
  async #writeLives(work: (tx: Transaction, lives: readonly string[]) => Promise<void>): Promise<void> {
    let before: readonly string[] | undefined;
    try {
      await this.store.write((tx) => {
        before = this.#lives;
        return work(tx, before);
      });
    } catch (error) {
      this.#lives = before ?? this.#lives;
      throw error;
    }
  }

  onEpoch(listener: (epoch: string) => void): () => void {
    this.#onEpoch.add(listener);
    return () => this.#onEpoch.delete(listener);
  }

  recoverIn(tx: Transaction, held: RecoveredRow): Promise<Recovery> {
    return recoverRow(tx, held, this.#takingBack(held.site));
  }

  recoverLetGoIn(tx: Transaction, letGo: LetGo): Promise<Recovery> {
    return recoverLetGo(tx, letGo, this.#takingBack(letGo.site));
  }

  async create<K extends Kind>(kind: K, request: CreateRequest): Promise<Resource<K>> {
    const { resource } = await this.store.write((tx) => this.createIn(tx, kind, request));
    request.durable?.({ held: "hub" });
    return resource as Resource<K>;
  }

  async update<K extends Kind>(kind: K, request: UpdateRequest): Promise<Resource<K>> {
    const resource = await this.store.write((tx) => this.#updateIn(tx, kind, request));
    request.durable?.({ held: "hub" });
    return resource as Resource<K>;
  }

  async remove(kind: Kind, request: RemoveRequest): Promise<void> {
    await this.store.write((tx) => this.removeIn(tx, kind, request));
    request.durable?.({ held: "hub" });
  }

  createTenant(request: NewTenant): Promise<Tenant> {
    return this.store.write((tx) => this.createTenantIn(tx, request));
  }

  createTenantIn(tx: Transaction, { name, id = randomUUID(), ...by }: NewTenant): Promise<Tenant> {
    return makeTenant(tx, { id, name }, this.#write(by, { id }));
  }

  freezeTenantIn(tx: Transaction, { tenant, ...by }: OfTenant): Promise<void> {
    return freezeTenant(tx, tenant, this.#write(by, { id: tenant }));
  }

  clearIn(tx: Transaction, kind: Kind, clearing: Parameters<Authority["clearIn"]>[2]): Promise<number> {
    return clearKind(tx, kind, clearing, this.#write(clearing));
  }

  endTenantIn(tx: Transaction, { tenant, ...by }: OfTenant): Promise<void> {
    return endTenant(tx, tenant, this.#write(by, { id: tenant }));
  }

  async createIn(tx: Transaction, kind: Kind, request: CreateInRequest): Promise<Created> {
    await refuseFrozenTenant(tx, request.tenant);
    const write = this.#write(request, { id: request.write, site: request.owner });
    return createResource(tx, kind, { request, write, creation: request.creation ?? this.#newId() });
  }

  async editIn(tx: Transaction, edit: Edit): Promise<EditOutcome> {
    await refuseFrozenTenant(tx, edit.tenant);
    return applyEdit(tx, edit, this.#write(edit, { id: edit.write, site: edit.site }));
  }

  async deleteIn(tx: Transaction, deletion: SiteDeletion): Promise<EditOutcome> {
    await refuseFrozenTenant(tx, deletion.tenant);
    return applyDelete(tx, deletion, this.#write(deletion, { id: deletion.write, site: deletion.site }));
  }

  observeIn(tx: Transaction, report: Report): Promise<void> {
    return applyReport(tx, report, this.#managedOf);
  }

  async observeAsManager(kind: Kind, request: Observed): Promise<void> {
    await this.store.write(async (tx) => {
      await this.#updateIn(tx, kind, request);
      await writeManaged(tx, kind, request, this.#clock.now());
    });
    request.durable?.({ held: "hub" });
  }

  releaseIn(tx: Transaction, release: Release): Promise<ReleaseOutcome> {
    return applyRelease(tx, release, this.#takingBack(release.site));
  }

  async settleIn(tx: Transaction, kind: Kind, request: UpdateRequest): Promise<Resource> {
    await refuseFrozenTenant(tx, request.tenant);
    const before = await this.#existing(tx, kind, request);
    const fields = wantedOf(kind, request);
    return (await setFields(tx, kind, before, { fields, write: this.#write(request) })).resource;
  }

  async forceReleaseIn(tx: Transaction, host: Addressed): Promise<void> {
    await forceRelease(tx, await this.#existing(tx, Host, host), this.#write(host));
  }

  async forceDeleteIn(tx: Transaction, host: Addressed): Promise<void> {
    await forceDelete(tx, await this.#existing(tx, Host, host), this.#write(host));
  }

  purgeRetired(upTo: ReadonlyMap<string, number>): Promise<number> {
    return this.store.write(async (tx) => {
      let count = 0;
      for (const [tenant, position] of upTo) {
        count += await purge(tx, { tenant, upTo: position }, this.#write({ actor: "hub" }));
      }
      return count;
    });
  }

  lendIds(tx: Transaction, count: number): Promise<IdBlock> {
    return lendBlock(tx, this.epoch(), count);
  }

  async removeIn(tx: Transaction, kind: Kind, request: RemoveRequest): Promise<void> {
    const before = await this.#existing(tx, kind, request);
    refuseOther(kind, before, request);
    if (isBeingDeleted(kind, before.fields)) return;
    const write = this.#write(request);
    const desiredState = deletedState(kind);
    if (desiredState !== undefined) {
      await setFields(tx, kind, before, { fields: { desiredState }, write });
      return;
    }
    await refuseReferred(tx, kind, before);
    if (kind.deletion === "retired") await retire(tx, kind, before, write);
    else await erase(tx, kind, before, write);
  }

  async #updateIn(tx: Transaction, kind: Kind, request: UpdateRequest): Promise<Resource> {
    await refuseFrozenTenant(tx, request.tenant);
    const before = await this.#existing(tx, kind, request);
    refuseOther(kind, before, request);
    const fields = toWrite(before, wantedOf(kind, request));
    if (Object.keys(fields).length === 0) return before;
    const { resource } = await setFields(tx, kind, before, { fields, write: this.#write(request) });
    return resource;
  }

  async #existing(tx: Transaction, kind: Kind, { tenant, id }: Addressed): Promise<Resource> {
    const resource = await tx.get(kind, tenant, id);
    if (!resource || resource.retired !== undefined) throw missing(kind);
    return resource;
  }

  #takingBack(site: string): TakingBack {
    return { lives: this.#lives, write: this.#write({ actor: `site:${site}` }, { site }) };
  }

  #write(by: Author, { id, site }: { id?: string | undefined; site?: string | undefined } = {}): Write {
    return {
      ...{ id: id ?? this.#newId(), epoch: this.epoch(), ...authorOf(by), at: this.#clock.now() },
      ...{ told: this.#listeners, isSilent: this.#isSilent, wasHeard: this.#wasHeard },
      ...(site === undefined ? {} : { site }),
    };
  }
}

/** The values that an update asks for, checked: a field that is unset gets its initial one. */
function wantedOf(kind: Kind, request: UpdateRequest): Readonly<Record<string, unknown>> {
  const { fields } = request;
  validateFields(kind, fields, { who: writerOf(request), on: "update" });
  const wanted = Object.entries(normalise(kind, fields));
  return Object.fromEntries(wanted.map(([name, value]) => [name, value ?? kind.fields[name]?.initial]));
}
