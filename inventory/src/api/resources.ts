import { isManaged, type Kind, type Resource } from "@holdfast/protocol";
import { type Clock, Fault } from "@holdfast/runtime";
import type { FastifyRequest } from "fastify";
import type { Authority } from "../authority/authority.ts";
import type { Inventory } from "../inventory.ts";
import type { Condition } from "../store/condition.ts";
import type { ListQuery, Tenant, View } from "../store/contract.ts";
import { missing } from "../store/faults.ts";
import { allowed } from "./allowed.ts";
import { refusal } from "./body/check-value.ts";
import { refuseFalseClaims } from "./body/claims.ts";
import { fieldsToCreate, type ReadBody, readBody } from "./body/read-body.ts";
import { said } from "./body/said.ts";
import { asAsked, generationOf, shownAlone, stateToStand, type ToChange } from "./conditions.ts";
import { listInSlices } from "./list-slices.ts";
import { readOrder } from "./order.ts";
import { conditionOf, pagingOf } from "./paging.ts";
import { type Principal, tenantFor } from "./principal.ts";
import { FARTHEST } from "./query.ts";
import { type Rendered, type RenderOptions, renderAll } from "./render/render.ts";
import { checkId } from "./resource-id.ts";
import type { Call, Exchange } from "./routes/route.ts";
import { type LookAround, PLAIN_SITUATION, whileSilent } from "./situation.ts";
import type { Source } from "./watch/batch.ts";
import { cursorAt, readCursor, writeCursor } from "./watch/cursor.ts";
import { Watches } from "./watch/watches.ts";

/** The tenant of a call, and one snapshot to look into. */
export interface TenantView {
  readonly view: View;
  readonly tenant: Tenant;
}

/** The id under which a resource is known now; undefined when the one given is no former id. `tenant` is an id. */
export type AliasOf = (view: View, tenant: string, id: string) => Promise<string | undefined>;

export interface ResourcesParts {
  readonly inventory: Inventory;
  readonly clock: Pick<Clock, "now" | "sleep">;
  readonly situation?: LookAround;
  readonly aliasOf?: AliasOf;
  /** Takes what managers observe. */
  readonly managed?: Pick<Authority, "observeAsManager">;
  /** The site whose machines are all that is held here. */
  readonly slice?: string;
  /** Looks again who makes a request that is held for long. Throws when they may not make it any more. */
  readonly readmit: (request: FastifyRequest) => Promise<Principal>;
}

type Fields = Readonly<Record<string, unknown>>;

/** What routes do with resources: find the tenant, check, ask the inventory, show the outcome. */
export class Resources {
  readonly #inventory: Inventory;
  readonly #clock: Pick<Clock, "now">;
  readonly #situation: LookAround;
  readonly #aliasOf: AliasOf | undefined;
  readonly #managed: ResourcesParts["managed"];
  readonly #slice: string | undefined;
  readonly #readmit: ResourcesParts["readmit"];
  readonly #watches: Watches;

  constructor({
    inventory,
    clock,
    situation = () => PLAIN_SITUATION,
    aliasOf,
    managed,
    slice,
    readmit,
  }: ResourcesParts) {
    this.#readmit = readmit;
    this.#inventory = inventory;
    this.#clock = clock;
    this.#situation = situation;
    this.#aliasOf = aliasOf;
    this.#managed = managed;
    this.#slice = slice;
    const source: Source = {
      store: inventory.store,
      silent: async (view, tenant) => whileSilent(await this.#situation(view, tenant)),
      show: (view, tenant, kind, resources) => this.#showAll(view, tenant, kind, resources),
    };
    this.#watches = new Watches(source, clock);
  }

  /** Lets everybody go who watches. */
  close(): void {
    this.#watches.close();
  }

  /** Looks into one snapshot of the tenant that a call names. */
  read<T>({ principal, project }: Call, work: (in_: TenantView) => Promise<T>): Promise<T> {
    return this.#inventory.store.read(async (view) =>
      work({ view, tenant: await tenantFor(view, principal, project) }),
    );
  }

  /** The page that a call's query asks for, narrowed further by a condition. */
  list(kind: Kind, call: Call, narrowed?: Condition): Promise<Page> {
    return this.read(call, (seen) => this.listIn(seen, kind, { call, narrowed }));
  }

  /** The same in a snapshot that is being looked into. */
  async listIn(
    { view, tenant }: TenantView,
    kind: Kind,
    { call, narrowed }: { readonly call: Call; readonly narrowed: Condition | undefined },
  ): Promise<Page> {
    const { orderBy, pageSize, offset, showTotalSites } = call.query;
    const where = conditionOf(kind, call.query, narrowed);
    const paging = pagingOf(kind, call, narrowed);
    const situation = await this.#situation(view, tenant.id);
    const query = {
      tenant: tenant.id,
      ...whileSilent(situation),
      ...(where ? { where } : {}),
      ...(typeof orderBy === "string" ? { orderBy: readOrder(kind, orderBy) } : {}),
      ...(paging.after ? { after: paging.after } : {}),
      limit: Number(pageSize ?? FARTHEST),
      offset: Number(offset ?? 0),
    };
    const options = { situation, totalSites: showTotalSites === true };
    const { shown, total, next } = await listInSlices(view, kind, query, (resources) =>
      this.#render({ view, tenant }, kind, resources, options),
    );
    const position = await view.revision();
    const silent = [...(whileSilent(situation).silent?.keys() ?? [])];
    call.note("holdfast-cursor", writeCursor(cursorAt(position, position.head, silent)));
    const page = { [kind.rest?.listKey ?? ""]: shown, totalElements: total, hasNext: next !== undefined };
    const nextPageToken = next && paging.tokenFor(next);
    return nextPageToken === undefined ? page : { ...page, nextPageToken };
  }

  /** Streams what happens to the resources that a call's query asks for. Throws what `Watches.stream` throws. */
  async watch(kind: Kind, call: Call, { request, reply }: Exchange, narrowed?: Condition): Promise<void> {
    const { pageToken, offset, orderBy } = call.query;
    for (const [name, value] of Object.entries({ pageToken, offset, orderBy })) {
      if (value !== undefined) throw refusal(name, "does not go with watch");
    }
    const given = request.headers["last-event-id"] ?? call.query.cursor;
    const tenant = await this.read(call, async (found) => found.tenant.id);
    const { actor, token } = call.principal;
    await this.#watches.stream({
      ...{ kind, tenant, reply, selection: conditionOf(kind, call.query, narrowed) },
      caller: { actor, caller: token ?? actor },
      cursor: typeof given === "string" && given !== "" ? readCursor(given) : undefined,
      mayStill: async () => {
        const principal = await this.#readmit(request);
        await this.read({ ...call, principal }, async () => undefined);
      },
    });
  }

  get(kind: Kind, id: string, call: Call): Promise<Rendered> {
    checkId(kind, id);
    return this.read(call, async (tenantView) => {
      const resource = await this.#standing(tenantView, kind, id);
      return this.#renderOne(tenantView, kind, resource);
    });
  }

  /** Makes a resource of a body; `initial` is what the body may say otherwise, `fixed` what it may not. */
  async create(
    kind: Kind,
    call: Call,
    { initial = {}, fixed = {} }: { initial?: Fields; fixed?: Fields },
  ): Promise<Rendered> {
    const { fields, claims } = readBody(kind, call.body);
    refuseFalseClaims(claims, {});
    return this.createOf(kind, call, { ...initial, ...said(kind, fields), ...fixed });
  }

  /** Makes a resource of fields already checked. */
  async createOf(kind: Kind, call: Call, fields: Fields): Promise<Rendered> {
    const tenant = await this.read(call, async (found) => found.tenant);
    const request = { ...call.asking, tenant: tenant.id, fields: fieldsToCreate(kind, fields) };
    const { resourceId } = await this.#inventory.create(kind, request);
    return this.get(kind, resourceId, call);
  }

  /**
   * Changes a resource as a body says. Throws Aborted when the body was made of another generation of the resource than
   * the one that stands.
   */
  async change(kind: Kind, id: string, call: Call, wanted: Wanted): Promise<Rendered> {
    checkId(kind, id);
    const { fields, claims } = readBody(kind, wanted.body);
    const writes = wanted.writes(kind, fields);
    const seen = generationOf(claims);
    const change = await this.read(call, async (tenantView) => {
      const resource = await this.#standing(tenantView, kind, id);
      const madeOf = stateToStand(call.ifMatch, resource);
      if (seen !== undefined && seen !== resource.generation) {
        throw new Fault("Aborted", `generation: ${resource.generation} stands, the body is of ${seen}`);
      }
      const ifGeneration = seen === undefined ? {} : { ifGeneration: seen };
      const stands = () => this.#renderOne(tenantView, kind, resource);
      return {
        ...(await allowed(call.principal, kind, { asked: id, resource, claims, writes, stands })),
        addressed: { tenant: tenantView.tenant.id, id: resource.resourceId, ...madeOf, ...ifGeneration },
      };
    });
    const { addressed, ...changed } = change;
    const managed = Object.keys(changed.observed).length > 0 ? this.#managed : undefined;
    if (!managed) return this.#write(kind, addressed, call, changed.fields);
    const request = { ...call.asking, ...addressed, ...changed };
    await asAsked(call, addressed.id, () => managed.observeAsManager(kind, request));
    return this.get(kind, addressed.id, call);
  }

  /** Writes fields already checked. */
  async write(kind: Kind, id: string, call: Call, fields: Fields): Promise<Rendered> {
    return this.#write(kind, await this.#toChange(kind, id, call), call, fields);
  }

  async remove(kind: Kind, id: string, call: Call): Promise<object> {
    checkId(kind, id);
    const addressed = await this.#toChange(kind, id, call);
    await asAsked(call, addressed.id, () => this.#inventory.remove(kind, { ...call.asking, ...addressed }));
    return {};
  }

  /** The tenant of a call and the id by which a resource is known now. Throws NotFound, or NotHeldHere. */
  find(kind: Kind, id: string, call: Call): Promise<{ readonly tenant: string; readonly id: string }> {
    return this.read(call, async (tenantView) => {
      const { resourceId } = await this.#standing(tenantView, kind, id);
      return { tenant: tenantView.tenant.id, id: resourceId };
    });
  }

  /** Since when sites are silent, as lists take it. */
  async silentSites({ view, tenant }: TenantView): Promise<Pick<ListQuery, "silent">> {
    return whileSilent(await this.#situation(view, tenant.id));
  }

  /** What a change addresses: what `find` finds, and what must still stand when it is written. */
  #toChange(kind: Kind, id: string, call: Call): Promise<ToChange> {
    return this.read(call, async (tenantView) => {
      const resource = await this.#standing(tenantView, kind, id);
      const madeOf = stateToStand(call.ifMatch, resource);
      return { tenant: tenantView.tenant.id, id: resource.resourceId, ...madeOf };
    });
  }

  async #write(kind: Kind, addressed: ToChange, call: Call, fields: Fields): Promise<Rendered> {
    if (Object.keys(fields).length > 0) {
      const request = { ...call.asking, ...addressed, fields };
      await asAsked(call, addressed.id, () => this.#inventory.update(kind, request));
    }
    return this.get(kind, addressed.id, call);
  }

  /** The resource of an id, or what it has become. */
  async #standing({ view, tenant }: TenantView, kind: Kind, id: string): Promise<Resource> {
    const resource = await view.get(kind, tenant.id, id);
    // What is retired is only there for what a site may have made of it (rule 12).
    if (resource?.retired !== undefined) throw missing(kind);
    if (resource) return resource;
    const now = await this.#aliasOf?.(view, tenant.id, id);
    const survivor = now === undefined ? undefined : await view.get(kind, tenant.id, now);
    if (survivor) return survivor;
    if (this.#slice === undefined || !isManaged(kind)) throw missing(kind);
    throw new Fault("NotHeldHere", `${kind.name} ${id} is not held at ${this.#slice}: ask the hub, or its own site`);
  }

  async #renderOne(tenantView: TenantView, kind: Kind, resource: Resource): Promise<Rendered> {
    const situation = await this.#situation(tenantView.view, tenantView.tenant.id);
    const [rendered] = await this.#render(tenantView, kind, [resource], { situation, totalSites: true });
    if (!rendered) throw new TypeError("one resource rendered to none");
    return shownAlone(rendered, resource);
  }

  async #showAll(view: View, id: string, kind: Kind, resources: readonly Resource[]): Promise<Rendered[]> {
    const situation = await this.#situation(view, id);
    return renderAll(view, kind, resources, { tenant: id, clock: this.#clock, situation, totalSites: false });
  }

  #render(
    { view, tenant }: TenantView,
    kind: Kind,
    resources: readonly Resource[],
    options: Pick<RenderOptions, "situation" | "totalSites">,
  ): Promise<Rendered[]> {
    return renderAll(view, kind, resources, { tenant: tenant.id, clock: this.#clock, ...options });
  }
}

/** A page of a list: its resources are under the kind's own key. */
export interface Page {
  readonly [listKey: string]: unknown;
  readonly totalElements: number;
  readonly hasNext: boolean;
}

/** What a body wants changed. */
export interface Wanted {
  readonly body: unknown;
  /** The fields to write, given those of the body. */
  writes(kind: Kind, fields: ReadBody["fields"]): Fields;
}
