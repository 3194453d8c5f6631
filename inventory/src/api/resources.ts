import type { Field, Kind, Resource } from "@holdfast/protocol";
import { type Clock, Fault } from "@holdfast/runtime";
import type { Inventory, UpdateRequest } from "../inventory.ts";
import type { Condition } from "../store/condition.ts";
import type { ListQuery, Tenant, View } from "../store/contract.ts";
import { missing } from "../store/faults.ts";
import { refusal } from "./body/check-value.ts";
import { refuseFalseClaims } from "./body/claims.ts";
import { fieldsToCreate, type ReadBody, readBody } from "./body/read-body.ts";
import { readFilter } from "./filter/resolve.ts";
import { readOrder } from "./order.ts";
import { tenantFor } from "./principal.ts";
import { type Rendered, type RenderOptions, renderAll } from "./render/render.ts";
import { checkId } from "./resource-id.ts";
import type { Call } from "./routes/route.ts";
import { type LookAround, PLAIN_SITUATION, type Situation } from "./situation.ts";

/** The tenant of a call, and one snapshot to look into. */
export interface TenantView {
  readonly view: View;
  readonly tenant: Tenant;
}

/** The id under which a resource is known now; undefined when the one given is no former id. `tenant` is an id. */
export type AliasOf = (view: View, tenant: string, id: string) => Promise<string | undefined>;

export interface ResourcesParts {
  readonly inventory: Inventory;
  readonly clock: Pick<Clock, "now">;
  readonly situation?: LookAround;
  readonly aliasOf?: AliasOf;
  /** The site whose machines are all that is held here. */
  readonly slice?: string;
}

type Fields = Readonly<Record<string, unknown>>;

/** What routes do with resources: find the tenant, check, ask the inventory, show the outcome. */
export class Resources {
  readonly #inventory: Inventory;
  readonly #clock: Pick<Clock, "now">;
  readonly #situation: LookAround;
  readonly #aliasOf: AliasOf | undefined;
  readonly #slice: string | undefined;

  constructor({ inventory, clock, situation = () => PLAIN_SITUATION, aliasOf, slice }: ResourcesParts) {
    this.#inventory = inventory;
    this.#clock = clock;
    this.#situation = situation;
    this.#aliasOf = aliasOf;
    this.#slice = slice;
  }

  /** Looks into one snapshot of the tenant that a call names. */
  read<T>({ principal, project }: Call, work: (in_: TenantView) => Promise<T>): Promise<T> {
    return this.#inventory.store.read(async (view) =>
      work({ view, tenant: await tenantFor(view, principal, project) }),
    );
  }

  /** The page that a call's query asks for, narrowed further by a condition. */
  list(kind: Kind, listKey: string, call: Call, narrowed?: Condition): Promise<object> {
    const { filter, orderBy, pageSize, offset, showTotalSites } = call.query;
    const conditions = [
      ...(typeof filter === "string" ? [readFilter(kind, filter)] : []),
      ...(narrowed ? [narrowed] : []),
    ];
    const from = Number(offset ?? 0);
    return this.read(call, async ({ view, tenant }) => {
      const situation = await this.#situation(view, tenant.id);
      const { resources, total } = await view.list(kind, {
        tenant: tenant.id,
        ...whileSilent(situation),
        ...(conditions.length > 0 ? { where: { is: "and", of: conditions } } : {}),
        ...(typeof orderBy === "string" ? { orderBy: readOrder(kind, orderBy) } : {}),
        limit: Number(pageSize ?? 20),
        offset: from,
      });
      const options = { situation, totalSites: showTotalSites === true };
      const shown = await this.#render({ view, tenant }, kind, resources, options);
      return { [listKey]: shown, totalElements: total, hasNext: from + resources.length < total };
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
    const addressed = await this.read(call, async (tenantView) => {
      const resource = await this.#standing(tenantView, kind, id);
      if (seen !== undefined && seen !== resource.generation) {
        throw new Fault("Aborted", `generation: ${resource.generation} stands, the body is of ${seen}`);
      }
      if (Object.keys(claims).length > 0) {
        refuseFalseClaims(ofSurvivor(kind, claims, id, resource), await this.#renderOne(tenantView, kind, resource));
      }
      return { tenant: tenantView.tenant.id, id: resource.resourceId };
    });
    return this.#write(kind, addressed, call, {
      fields: writes,
      ...(seen === undefined ? {} : { ifGeneration: seen }),
    });
  }

  /** Writes fields already checked. */
  async write(kind: Kind, id: string, call: Call, fields: Fields): Promise<Rendered> {
    return this.#write(kind, await this.find(kind, id, call), call, { fields });
  }

  async remove(kind: Kind, id: string, call: Call): Promise<object> {
    checkId(kind, id);
    const addressed = await this.find(kind, id, call);
    await this.#inventory.remove(kind, { ...call.asking, ...addressed });
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

  async #write(
    kind: Kind,
    addressed: { readonly tenant: string; readonly id: string },
    call: Call,
    change: Pick<UpdateRequest, "fields" | "ifGeneration">,
  ): Promise<Rendered> {
    if (Object.keys(change.fields).length > 0) {
      await this.#inventory.update(kind, { ...call.asking, ...addressed, ...change });
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
    if (this.#slice === undefined || kind.feed !== "machine") throw missing(kind);
    throw new Fault("NotHeldHere", `${kind.name} ${id} is not held at ${this.#slice}: ask the hub, or its own site`);
  }

  async #renderOne(tenantView: TenantView, kind: Kind, resource: Resource): Promise<Rendered> {
    const situation = await this.#situation(tenantView.view, tenantView.tenant.id);
    const [rendered] = await this.#render(tenantView, kind, [resource], { situation, totalSites: true });
    if (!rendered) throw new TypeError("one resource rendered to none");
    return rendered;
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

function whileSilent(situation: Situation): Pick<ListQuery, "silent"> {
  const { silentSites } = situation;
  if (silentSites.length === 0) return {};
  const silent = new Map<string, number>();
  for (const site of silentSites) {
    const since = situation.contactOf(site)?.silentSince;
    if (since !== undefined) silent.set(site, since);
  }
  return { silent };
}

/** A body may still name a resource by the former id that it was asked for by. */
function ofSurvivor(kind: Kind, claims: Fields, asked: string, { resourceId }: Resource): Fields {
  if (asked === resourceId) return claims;
  const ids = new Set(["resourceId", ...kind.aliasIds]);
  return Object.fromEntries(Object.entries(claims).filter(([name, value]) => !ids.has(name) || value !== asked));
}

/** What a body wants changed. */
export interface Wanted {
  readonly body: unknown;
  /** The fields to write, given those of the body. */
  writes(kind: Kind, fields: ReadBody["fields"]): Fields;
}

/** The generation that a body was made of; undefined when it does not say. */
function generationOf({ generation }: ReadBody["claims"]): number | undefined {
  if (generation === undefined || generation === null) return undefined;
  if (!Number.isSafeInteger(generation)) throw refusal("generation", "must be a whole number");
  return Number(generation);
}

/** Fields that say something: an enumeration left unspecified says nothing. */
function said(kind: Kind, fields: Fields): Fields {
  return Object.fromEntries(
    Object.entries(fields).filter(([name, value]) => {
      const unspecified = isEnumeration(kind.fields[name]) && String(value).endsWith("_UNSPECIFIED");
      return value !== null && !unspecified;
    }),
  );
}

function isEnumeration(field: Field | undefined): boolean {
  return field !== undefined && "enum" in field.schema;
}
