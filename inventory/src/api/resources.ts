import type { Field, Kind, Resource } from "@holdfast/protocol";
import { type Clock, Fault } from "@holdfast/runtime";
import type { Inventory } from "../inventory.ts";
import type { Condition } from "../store/condition.ts";
import type { Tenant, View } from "../store/contract.ts";
import { missing } from "../store/faults.ts";
import { refusal } from "./body/check-value.ts";
import { refuseFalseClaims } from "./body/claims.ts";
import { fieldsToCreate, type ReadBody, readBody } from "./body/read-body.ts";
import { readFilter } from "./filter/resolve.ts";
import { readOrder } from "./order.ts";
import { tenantFor } from "./principal.ts";
import { type Rendered, renderAll } from "./render/render.ts";
import { checkId } from "./resource-id.ts";
import type { Call } from "./routes/route.ts";

/** The tenant of a call, and one snapshot to look into. */
export interface TenantView {
  readonly view: View;
  readonly tenant: Tenant;
}

type Fields = Readonly<Record<string, unknown>>;

/** What routes do with resources: find the tenant, check, ask the inventory, show the outcome. */
export class Resources {
  readonly #inventory: Inventory;
  readonly #clock: Pick<Clock, "now">;

  constructor({ inventory, clock }: { inventory: Inventory; clock: Pick<Clock, "now"> }) {
    this.#inventory = inventory;
    this.#clock = clock;
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
      const { resources, total } = await view.list(kind, {
        tenant: tenant.id,
        ...(conditions.length > 0 ? { where: { is: "and", of: conditions } } : {}),
        ...(typeof orderBy === "string" ? { orderBy: readOrder(kind, orderBy) } : {}),
        limit: Number(pageSize ?? 20),
        offset: from,
      });
      const shown = await this.#render({ view, tenant }, kind, resources, showTotalSites === true);
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
    const request = { actor: call.principal.actor, tenant: tenant.id, fields: fieldsToCreate(kind, fields) };
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
    await this.read(call, async (tenantView) => {
      const resource = await this.#standing(tenantView, kind, id);
      if (seen !== undefined && seen !== resource.generation) {
        throw new Fault("Aborted", `generation: ${resource.generation} stands, the body is of ${seen}`);
      }
      if (Object.keys(claims).length > 0) {
        refuseFalseClaims(claims, await this.#renderOne(tenantView, kind, resource));
      }
    });
    return this.write(kind, id, call, writes, seen);
  }

  /** Writes fields already checked. */
  async write(kind: Kind, id: string, call: Call, fields: Fields, ifGeneration?: number): Promise<Rendered> {
    const tenant = await this.read(call, async (found) => found.tenant);
    if (Object.keys(fields).length > 0) {
      const expected = ifGeneration === undefined ? {} : { ifGeneration };
      await this.#inventory.update(kind, { actor: call.principal.actor, tenant: tenant.id, id, fields, ...expected });
    }
    return this.get(kind, id, call);
  }

  async remove(kind: Kind, id: string, call: Call): Promise<object> {
    checkId(kind, id);
    const tenant = await this.read(call, async (tenantView) => {
      await this.#standing(tenantView, kind, id);
      return tenantView.tenant;
    });
    await this.#inventory.remove(kind, { actor: call.principal.actor, tenant: tenant.id, id });
    return {};
  }

  async #standing({ view, tenant }: TenantView, kind: Kind, id: string): Promise<Resource> {
    const resource = await view.get(kind, tenant.id, id);
    if (!resource) throw missing(kind);
    return resource;
  }

  async #renderOne(tenantView: TenantView, kind: Kind, resource: Resource): Promise<Rendered> {
    const [rendered] = await this.#render(tenantView, kind, [resource], true);
    if (!rendered) throw new TypeError("one resource rendered to none");
    return rendered;
  }

  #render(
    { view, tenant }: TenantView,
    kind: Kind,
    resources: readonly Resource[],
    totalSites: boolean,
  ): Promise<Rendered[]> {
    return renderAll(view, kind, resources, { tenant: tenant.id, clock: this.#clock, totalSites });
  }
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
