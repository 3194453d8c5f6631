import type { FeedScope, Kind, Resource } from "@holdfast/protocol";
import { type Kysely, sql } from "kysely";
import { changeOf } from "../audit/rows.ts";
import {
  type Change,
  EVERY_TENANT,
  type FeedPage,
  type IdList,
  type ListQuery,
  type OneOrEveryTenant,
  type Referrer,
  type ResourceList,
  type Tenant,
  type View,
} from "./contract.ts";
import { FieldFault } from "./faults.ts";
import type { HotPaths } from "./hot-paths.ts";
import { findReferrers, listRows, type Queries } from "./listing.ts";
import { type LogPosition, logPosition, type RevisionPage, revisionPage } from "./revisions.ts";
import { TABLES_OF_KINDS, tableOf } from "./table.ts";

const TENANT = "select tenant_id, name, frozen from tenant where tenant_id = ? or name = ?";

type TenantRow = { tenant_id: string; name: string; frozen: number | null };

/** The reading half of every dialect's store: queries through Kysely, except for the paths that must be fast. */
export class StoreView implements View {
  protected readonly queries: Queries;
  protected readonly hot: HotPaths;
  readonly letOthers: View["letOthers"];

  constructor(queries: Queries, hot: HotPaths, letOthers: View["letOthers"]) {
    this.queries = queries;
    this.hot = hot;
    this.letOthers = letOthers;
  }

  async get<K extends Kind>(kind: K, tenant: string, id: string): Promise<Resource<K> | undefined> {
    return (await this.hot.get(tableOf(kind), tenant, id)) as Resource<K> | undefined;
  }

  async getMany<K extends Kind>(
    kind: K,
    tenant: string,
    ids: readonly string[],
  ): Promise<ReadonlyMap<string, Resource<K>>> {
    const found = await this.hot.find(tableOf(kind), { tenant_id: tenant, resource_id: ids });
    return new Map(found.map((resource) => [resource.resourceId, resource as Resource<K>]));
  }

  async list<K extends Kind>(kind: K, query: ListQuery): Promise<ResourceList<K>> {
    const { rows, total, next } = await listRows(this.queries, kind, query);
    const resources = this.hot.resources(tableOf(kind), rows) as Resource<K>[];
    return { resources, total, ...(next ? { next } : {}) };
  }

  async listIds(kind: Kind, query: ListQuery): Promise<IdList> {
    const { rows, total, next } = await listRows(this.queries, kind, query, "ids");
    return { ids: rows.map((row) => String(row.resource_id)), total, ...(next ? { next } : {}) };
  }

  async find<K extends Kind>(
    kind: K,
    values: Readonly<Record<string, string | readonly string[]>>,
    tenant: OneOrEveryTenant,
  ): Promise<readonly Resource<K>[]> {
    const { columns } = tableOf(kind);
    const wanted = Object.entries(values).map(([field, value]) => {
      const column = columns.find((each) => each.field === field);
      if (!column || column.secret) throw new FieldFault("InvalidArgument", [field], `unknown field ${field}`);
      return [column.name, value];
    });
    const ofTenant = tenant === EVERY_TENANT ? {} : { tenant_id: tenant };
    return (await this.hot.find(tableOf(kind), { ...Object.fromEntries(wanted), ...ofTenant })) as Resource<K>[];
  }

  referrers(kind: Kind, tenant: string, id: string): Promise<readonly Referrer[]> {
    return findReferrers(this.queries, TABLES_OF_KINDS, kind, { tenant, id });
  }

  async tenant(nameOrId: string): Promise<Tenant | undefined> {
    const rows = await this.rows<TenantRow>(TENANT, [nameOrId, nameOrId]);
    // An id before a name: nobody can take another's id for a name and be found in its place.
    const found = rows.find(({ tenant_id: id }) => id === nameOrId) ?? rows[0];
    return found && tenantOf(found);
  }

  async tenants(): Promise<readonly Tenant[]> {
    const rows = sql<TenantRow>`select tenant_id, name, frozen from tenant order by tenant_id`;
    return (await rows.execute(this.queries.kysely)).rows.map(tenantOf);
  }

  feed(scope: FeedScope, after: number, limit: number): Promise<FeedPage> {
    return this.hot.feedPage(scope, after, limit);
  }

  revisions(
    of: { readonly tenant: string; readonly kind: string },
    page: { readonly after: number; readonly limit: number },
  ): Promise<RevisionPage> {
    return revisionPage(this.hot, of, page);
  }

  revision(): Promise<LogPosition> {
    return logPosition(this.hot);
  }

  async changes(tenant: string, after: number, limit: number): Promise<readonly Change[]> {
    const { rows } = await sql<Record<string, unknown>>`select * from change_log
      where tenant_id = ${tenant} and seq > ${after} order by seq limit ${limit}`.execute(this.queries.kysely);
    return rows.map(changeOf);
  }

  async knowsWrite(tenant: string, id: string): Promise<boolean> {
    const { rows } = await sql`select 1 from change_log where tenant_id = ${tenant} and write = ${id}
      union all select 1 from earlier_write where tenant_id = ${tenant} and write = ${id}
      limit 1`.execute(this.queries.kysely);
    return rows.length > 0;
  }

  async setting(name: string): Promise<string | undefined> {
    const [found] = await this.rows<{ value: string }>("select value from setting where name = ?", [name]);
    return found?.value;
  }

  tables<T>(): Kysely<T> {
    return this.queries.kysely as unknown as Kysely<T>;
  }

  rows<T>(statement: string, values: readonly (string | number | null)[]): Promise<readonly T[]> {
    return this.hot.rows(statement, values);
  }
}

function tenantOf({ tenant_id: id, name, frozen }: TenantRow): Tenant {
  return { id, name, ...(frozen === null ? {} : { frozen: Number(frozen) }) };
}
