import { randomUUID } from "node:crypto";
import { Host, type IdBlock, type Kind, type Resource, tenantScope } from "@holdfast/protocol";
import { type Clock, Fault } from "@holdfast/runtime";
import type { Actor, Addressed, CreateRequest, UpdateRequest } from "../inventory.ts";
import type { Store, Tenant, Transaction } from "../store/contract.ts";
import { FieldFault, missing } from "../store/faults.ts";
import { toWrite } from "./apply-before.ts";
import type { Authority, AuthorityParts } from "./authority.ts";
import { type Created, type CreateInRequest, createResource } from "./create.ts";
import { deletedState, isBeingDeleted } from "./desired-state.ts";
import { applyEdit, type Edit, type EditOutcome } from "./edit.ts";
import { forceDelete, forceRelease } from "./force.ts";
import type { RecoveredRow, Recovery } from "./held.ts";
import { lendBlock } from "./ids.ts";
import { normalise } from "./intent-rules.ts";
import { erase, refuseReferred, setFields } from "./intent-writes.ts";
import { beginLife, keepLives, withLives } from "./lives.ts";
import { applyReport, type Report } from "./observe.ts";
import { recoverRow } from "./recover.ts";
import { type LetGo, recoverLetGo } from "./recover-let-go.ts";
import { applyRelease, type Release, type ReleaseOutcome } from "./release.ts";
import { purge, retire } from "./retire.ts";
import type { TakingBack } from "./take-over.ts";
import { validateFields } from "./validate.ts";
import type { AuthorityListener, Write } from "./write.ts";

/** The authority over a store whose lives are known. */
export class HubAuthority implements Authority {
  readonly store: Store;
  readonly #clock: Clock;
  readonly #newId: () => string;
  readonly #listeners: readonly AuthorityListener[];
  readonly #isSilent: (site: string) => boolean;
  readonly #onEpoch = new Set<(epoch: string) => void>();
  #lives: readonly string[];

  constructor({ store, clock, newId, listeners, isSilent }: Required<AuthorityParts>, lives: readonly string[]) {
    this.store = store;
    this.#clock = clock;
    this.#newId = newId;
    this.#listeners = listeners;
    this.#isSilent = isSilent;
    this.#lives = lives;
  }

  epoch(): string {
    return this.#lives.at(-1) ?? "";
  }

  lineage(): readonly string[] {
    return this.#lives;
  }

  async beginEpoch({ beyond = 0, also }: Parameters<Authority["beginEpoch"]>[0] = {}): Promise<string> {
    const epoch = this.#newId();
    await this.#writeLives(async (tx, lives) => {
      const latest = Math.max(beyond, this.#clock.now());
      // From here on, not after the commit: the next transaction may begin before this one's promise is heard of.
      this.#lives = await beginLife(tx, { lives, epoch, beyond: latest });
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

  async remove(kind: Kind, request: Addressed): Promise<void> {
    await this.store.write((tx) => this.removeIn(tx, kind, request));
    request.durable?.({ held: "hub" });
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
    const write = this.#write(request.actor, { id: request.write, site: request.owner });
    return createResource(tx, kind, { request, write, creation: request.creation ?? this.#newId() });
  }

  editIn(tx: Transaction, edit: Edit): Promise<EditOutcome> {
    return applyEdit(tx, edit, this.#write(edit.actor, { id: edit.write, site: edit.site }));
  }

  observeIn(tx: Transaction, report: Report): Promise<void> {
    return applyReport(tx, report);
  }

  releaseIn(tx: Transaction, release: Release): Promise<ReleaseOutcome> {
    return applyRelease(tx, release, this.#takingBack(release.site));
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

  purgeRetired(upTo: ReadonlyMap<string, number>): Promise<number> {
    return this.store.write(async (tx) => {
      let count = 0;
      for (const [tenant, position] of upTo) {
        count += await purge(tx, { tenant, upTo: position }, this.#write("hub"));
      }
      return count;
    });
  }

  lendIds(tx: Transaction, count: number): Promise<IdBlock> {
    return lendBlock(tx, this.epoch(), count);
  }

  async removeIn(tx: Transaction, kind: Kind, request: Addressed): Promise<void> {
    const before = await this.#existing(tx, kind, request);
    if (isBeingDeleted(kind, before.fields)) return;
    const write = this.#write(request.actor);
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
    const before = await this.#existing(tx, kind, request);
    if (request.ifGeneration !== undefined && request.ifGeneration !== before.generation) {
      throw new Fault("Aborted", `${kind.name} ${request.id} is at generation ${before.generation}`);
    }
    const fields = toWrite(before, wantedOf(kind, request));
    if (Object.keys(fields).length === 0) return before;
    const { resource } = await setFields(tx, kind, before, { fields, write: this.#write(request.actor) });
    return resource;
  }

  async #existing(tx: Transaction, kind: Kind, { tenant, id }: Addressed): Promise<Resource> {
    const resource = await tx.get(kind, tenant, id);
    if (!resource || resource.retired !== undefined) throw missing(kind);
    return resource;
  }

  #takingBack(site: string): TakingBack {
    return { lives: this.#lives, write: this.#write(`site:${site}`, { site }) };
  }

  #write(actor: Actor, { id, site }: { id?: string | undefined; site?: string | undefined } = {}): Write {
    return {
      ...{ id: id ?? this.#newId(), epoch: this.epoch(), actor, at: this.#clock.now() },
      ...{ told: this.#listeners, isSilent: this.#isSilent },
      ...(site === undefined ? {} : { site }),
    };
  }
}

/** The values that an update asks for, checked: a field that is unset gets its initial one. */
function wantedOf(kind: Kind, { actor, fields }: UpdateRequest): Readonly<Record<string, unknown>> {
  validateFields(kind, fields, { who: actor === "hub" ? "hub" : "operator", on: "update" });
  const wanted = Object.entries(normalise(kind, fields));
  return Object.fromEntries(wanted.map(([name, value]) => [name, value ?? kind.fields[name]?.initial]));
}
