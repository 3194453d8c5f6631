import {
  type Addressed,
  type Asking,
  authorOf,
  type CreateRequest,
  type Inventory,
  idTaken,
  missing,
  type RemoveRequest,
  refuseOther,
  type Store,
  type Transaction,
  type UpdateRequest,
} from "@holdfast/inventory";
import { toWrite } from "@holdfast/inventory/authority/apply-before";
import { initialFields } from "@holdfast/inventory/authority/create";
import { deletedState, isBeingDeleted } from "@holdfast/inventory/authority/desired-state";
import { followedBy } from "@holdfast/inventory/authority/following";
import {
  changedFields,
  checkChanges,
  type Fields,
  normalise,
  refuseFrozen,
  refuseImmutable,
} from "@holdfast/inventory/authority/intent-rules";
import { refuseReferred } from "@holdfast/inventory/authority/intent-writes";
import { validateFields } from "@holdfast/inventory/authority/validate";
import { Host } from "@holdfast/protocol/kinds/host";
import type { Kind, Resource } from "@holdfast/protocol/kinds/kind";
import { type Clock, Fault } from "@holdfast/runtime";
import { takeLentId } from "../outbox/id-pool.ts";
import type { Outbox } from "../outbox/outbox.ts";
import type { ReplicaOf } from "../replica/materialise.ts";
import { DELETION, type Resolves } from "./entry.ts";
import { hasPendingIntents, type Intents } from "./intents.ts";
import type { Outcomes } from "./outcomes.ts";
import { inOrder, refuseHubsOwn, refuseNotOurs, refuseUnfollowing, siteOfNewHost } from "./site-rules.ts";
import { holdsBothScopes } from "./synced.ts";

export interface SiteInventoryParts {
  readonly store: Store;
  readonly intents: Intents;
  readonly outbox: Outbox;
  readonly outcomes: Outcomes;
  /** Undefined until the hub has been heard once. */
  readonly replicaOf: () => Promise<ReplicaOf | undefined>;
  readonly clock: Pick<Clock, "now">;
}

/** What an operator has chosen of a conflict's values: it is written even if it is the one that stands. */
export interface Chosen {
  readonly kind: Kind;
  readonly id: string;
  readonly field: string;
  readonly value: unknown;
  readonly resolves: Resolves;
}

/** What a transaction has journalled, and what it shows. */
interface Done {
  readonly resource: Resource;
  readonly intents: readonly string[];
  /** Whether the hub has still to say something of what is shown. */
  readonly pending: boolean;
}

/**
 * The rules of writing intent at a site, cut off or not (rule 4): those of the authority over the site's slice, and what
 * is made at the hub only is refused (rule 12). What is accepted is journalled as one intent a field, in one transaction,
 * and shows at once. A write is held by the site; with `waitFor` it may come to be held by the hub.
 */
export class SiteInventory implements Inventory {
  readonly store: Store;
  readonly #parts: SiteInventoryParts;

  constructor(parts: SiteInventoryParts) {
    this.store = parts.store;
    this.#parts = parts;
  }

  async create<K extends Kind>(kind: K, request: CreateRequest): Promise<Resource<K>> {
    refuseHubsOwn(kind);
    const done = await this.#write(request.tenant, (tx, of) => this.#createIn(tx, of, kind, request));
    // Thrown after the commit, for it has asked the hub for more.
    if (!done) {
      throw new Fault(
        "ResourceExhausted",
        `resourceId: this site has no id left for another ${kind.name}: the hub lends more when it is reached`,
      );
    }
    await this.#settle(request, done);
    return done.resource as Resource<K>;
  }

  async update<K extends Kind>(kind: K, request: UpdateRequest): Promise<Resource<K>> {
    refuseHubsOwn(kind);
    const done = await this.#write(request.tenant, (tx, of) => this.#updateIn(tx, of, kind, request));
    await this.#settle(request, done);
    return done.resource as Resource<K>;
  }

  async remove(kind: Kind, request: RemoveRequest): Promise<void> {
    refuseHubsOwn(kind);
    const done = await this.#write(request.tenant, async (tx, of) => {
      const before = await existing(tx, kind, request);
      refuseOther(kind, before, request);
      if (deletedState(kind) === undefined) return this.#removeAtOnce(tx, of, { kind, before, by: request });
      if (isBeingDeleted(kind, before.fields)) return unchanged(tx, kind, before);
      return this.#change(tx, of, { kind, before, fields: { desiredState: deletedState(kind) }, by: request });
    });
    await this.#settle(request, done);
  }

  /** Writes what an operator chose of a conflict's values; `choice` says what, in the same transaction, or throws. */
  async choose(
    request: Asking & { readonly tenant: string },
    choice: (tx: Transaction) => Promise<Chosen>,
  ): Promise<void> {
    const done = await this.#write(request.tenant, async (tx, of) => {
      const { kind, id, field, value, resolves } = await choice(tx);
      refuseHubsOwn(kind);
      const before = await existing(tx, kind, { tenant: request.tenant, id });
      validateFields(kind, { [field]: value }, { who: "operator", on: "update" });
      return this.#change(tx, of, { kind, before, fields: wantedOf(kind, { [field]: value }), by: request, resolves });
    });
    await this.#settle(request, done);
  }

  async #createIn(tx: Transaction, of: ReplicaOf, kind: Kind, request: CreateRequest): Promise<Done | undefined> {
    const { tenant, creation = crypto.randomUUID() } = request;
    const [made] = await tx.find(kind, { creation }, tenant);
    if (made) {
      if (request.id !== undefined && request.id !== made.resourceId) throw idTaken(kind, request.id);
      return unchanged(tx, kind, made);
    }
    validateFields(kind, request.fields, { who: "operator", on: "create" });
    const given = defined(normalise(kind, request.fields));
    if (kind.name === Host.name) given.siteId = siteOfNewHost(of.site, given.siteId);
    else await this.#refuseOthers(tx, of, kind, { tenant, about: given, fields: given });
    const id = request.id ?? (await takeLentId(tx, kind.prefix));
    if (id === undefined) {
      // An entry in the outbox makes a batch, and the batch asks the hub for ids.
      await this.#parts.outbox.event(tx, { kind: "site", subject: of.site, event: "ids-exhausted" });
      return undefined;
    }
    const after = { tenant, resourceId: id, fields: { ...initialFields(kind), ...given } } as unknown as Resource;
    await checkChanges(tx, kind, { before: undefined, after, changes: given, write: { at: this.#parts.clock.now() } });
    const intent = await this.#parts.intents.create(tx, of, kind, {
      id,
      creation,
      ...authorOf(request),
      fields: given,
    });
    return { resource: await existing(tx, kind, { tenant, id }), intents: [intent], pending: true };
  }

  async #updateIn(tx: Transaction, of: ReplicaOf, kind: Kind, request: UpdateRequest): Promise<Done> {
    const before = await existing(tx, kind, request);
    refuseOther(kind, before, request);
    validateFields(kind, request.fields, { who: "operator", on: "update" });
    const fields = toWrite(before, wantedOf(kind, request.fields));
    if (Object.keys(fields).length === 0) return unchanged(tx, kind, before);
    return this.#change(tx, of, { kind, before, fields, by: request });
  }

  /** Of a kind that is gone as soon as it is deleted. */
  async #removeAtOnce(tx: Transaction, of: ReplicaOf, { kind, before, by }: Omit<Change, "fields">): Promise<Done> {
    const { tenant, resourceId: id } = before;
    await this.#refuseOthers(tx, of, kind, { tenant, about: before.fields, fields: {} });
    await refuseReferred(tx, kind, before);
    const intent = await this.#parts.intents.remove(tx, of, kind, { id, ...authorOf(by) });
    return { resource: before, intents: [intent], pending: true };
  }

  /** One intent a field, each over what the one before it shows. */
  async #change(tx: Transaction, of: ReplicaOf, { kind, before, fields, by, resolves }: Change): Promise<Done> {
    const { tenant, resourceId: id } = before;
    if (kind.name === Host.name) refuseNotOurs(of.site, kind, { host: before, fields });
    else await this.#refuseOthers(tx, of, kind, { tenant, about: before.fields, fields });
    refuseFrozen(kind, before);
    const changes = changedFields(before.fields, fields);
    refuseImmutable(kind, before.fields, changes);
    const after = { ...before, fields: defined({ ...before.fields, ...fields }) };
    if (kind.name !== Host.name) await this.#refuseOthers(tx, of, kind, { tenant, about: after.fields, fields });
    await checkChanges(tx, kind, { before, after, changes, write: { at: this.#parts.clock.now() } });
    if (changes.desiredState === deletedState(kind)) await refuseReferred(tx, kind, before);
    const intents: string[] = [];
    for (const [field, value] of inOrder(before.fields, fields)) {
      const edit = { id, field, value, ...authorOf(by), ...(resolves === undefined ? {} : { resolves }) };
      intents.push(await this.#parts.intents.edit(tx, of, kind, edit));
    }
    return { resource: await existing(tx, kind, { tenant, id }), intents, pending: true };
  }

  /** What follows a machine belongs to whoever manages the machine. */
  async #refuseOthers(
    tx: Transaction,
    of: ReplicaOf,
    kind: Kind,
    { tenant, about, fields }: { tenant: string; about: Fields; fields: Fields },
  ): Promise<void> {
    refuseUnfollowing(kind, about);
    const followed = await followedBy(tx, kind, { tenant, fields: about });
    // One that is not there is a reference to nothing, which is said where references are checked.
    if (followed) refuseNotOurs(of.site, kind, { host: followed.resource, fields });
  }

  async #write<T>(tenant: string, work: (tx: Transaction, of: ReplicaOf) => Promise<T>): Promise<T> {
    const of = await this.#parts.replicaOf();
    if (!of) throw new Fault("Unavailable", "this site has not reached its hub yet, so it knows nothing to write to");
    if (of.tenant !== tenant) throw new Fault("NotFound", "project not found");
    return this.store.write(async (tx) => {
      if (await holdsBothScopes(tx, of)) return work(tx, of);
      throw new Fault("Unavailable", "this site is still fetching what its hub knows: write when it is complete");
    });
  }

  /** Says how safe the write is, after waiting for the hub as long as was asked. */
  async #settle({ waitFor = 0, durable }: Asking, { intents, pending }: Done): Promise<void> {
    if (intents.length === 0) return durable?.({ held: pending ? "site" : "hub" });
    const judged = waitFor > 0 ? await this.#parts.outcomes.wait(intents, waitFor) : undefined;
    if (!judged) return durable?.({ held: "site" });
    if (judged.is === "applied") return durable?.({ held: "hub" });
    const { result, reason, conflict, field } = judged.by;
    if (conflict !== null) return durable?.({ held: "hub", conflict });
    const what = field === null ? "the creation" : field === DELETION ? "the deletion" : field;
    const code = result === "conflict" ? "Aborted" : "FailedPrecondition";
    throw new Fault(code, `${what}: the hub did not take it: ${reason ?? "it does not say why"}`);
  }
}

interface Change {
  readonly kind: Kind;
  readonly before: Resource;
  readonly fields: Fields;
  readonly by: Asking;
  readonly resolves?: Resolves;
}

async function existing(
  tx: Transaction,
  kind: Kind,
  { tenant, id }: Pick<Addressed, "tenant" | "id">,
): Promise<Resource> {
  const resource = await tx.get(kind, tenant, id);
  if (!resource) throw missing(kind);
  return resource;
}

async function unchanged(tx: Transaction, kind: Kind, resource: Resource): Promise<Done> {
  return { resource, intents: [], pending: await hasPendingIntents(tx, kind.name, resource.resourceId) };
}

/** What is stored of what was asked: unset goes back to the initial value, as at the hub. */
function wantedOf(kind: Kind, fields: Fields): Fields {
  const values = Object.entries(normalise(kind, fields));
  return Object.fromEntries(values.map(([name, value]) => [name, value ?? kind.fields[name]?.initial]));
}

function defined(fields: Fields): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
