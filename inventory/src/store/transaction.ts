import { type FeedScope, type Kind, kindNamed, type Resource } from "@holdfast/protocol";
import { Fault } from "@holdfast/runtime";
import { sql } from "kysely";
import type { Change, ChangedResource, Commit, Tenant, Transaction } from "./contract.ts";
import { idTaken, missing, missingReference, stillReferred, taken, type Violation } from "./faults.ts";
import { type Table, tableOf } from "./table.ts";
import { StoreView } from "./view.ts";

/** The writing half of every dialect's store; collects what its commit has to tell. */
export class StoreTransaction extends StoreView implements Transaction {
  #scopes = new Map<FeedScope, number>();
  #changes: ChangedResource[] = [];
  #depth = 0;

  /** What this transaction has changed so far; undefined when nothing that a listener wants to know. */
  commit(): Commit | undefined {
    if (this.#scopes.size === 0 && this.#changes.length === 0) return undefined;
    return { scopes: this.#scopes, changes: this.#changes };
  }

  async savepoint<T>(work: () => Promise<T>): Promise<T> {
    const name = `part_${this.#depth}`;
    const before = { scopes: new Map(this.#scopes), changes: this.#changes.length };
    await this.hot.savepoint(name, "begin");
    this.#depth += 1;
    try {
      const result = await work();
      await this.hot.savepoint(name, "release");
      return result;
    } catch (error) {
      await this.#undo(name, error);
      this.#scopes = before.scopes;
      this.#changes.length = before.changes;
      throw error;
    } finally {
      this.#depth -= 1;
    }
  }

  /** Throws, with its cause, when there is nothing left to undo: the database has ended the whole transaction. */
  async #undo(name: string, error: unknown): Promise<void> {
    try {
      await this.hot.savepoint(name, "undo");
    } catch (failure) {
      throw failure instanceof Error ? Object.assign(failure, { cause: error }) : failure;
    }
  }

  async insert<K extends Kind>(kind: K, resource: Resource<K>): Promise<void> {
    const table = tableOf(kind);
    await this.#refused(table, resource, () => this.hot.insert(table, resource));
    this.#changed(kind, resource);
  }

  async replace<K extends Kind>(kind: K, resource: Resource<K>): Promise<void> {
    const table = tableOf(kind);
    const found = await this.#refused(table, resource, () => this.hot.replace(table, resource));
    if (!found) throw missing(kind);
    this.#changed(kind, resource);
  }

  async delete(kind: Kind, tenant: string, id: string): Promise<void> {
    try {
      if (!(await this.hot.delete(tableOf(kind), tenant, id))) return;
    } catch (error) {
      if (this.hot.violationOf(error)?.of !== "reference") throw error;
      throw stillReferred(kind, id, await this.referrers(kind, tenant, id));
    }
    this.#changed(kind, { tenant, resourceId: id });
  }

  async insertTenant({ id, name }: Tenant): Promise<void> {
    try {
      await sql`insert into tenant (tenant_id, name) values (${id}, ${name})`.execute(this.queries.kysely);
    } catch (cause) {
      if (this.hot.violationOf(cause) === undefined) throw cause;
      throw new Fault("AlreadyExists", `tenant ${name} already exists`, { cause });
    }
  }

  async appendFeed(scope: FeedScope, kind: string, id: string, body: object | null): Promise<number> {
    const seq = await this.hot.appendFeed(scope, kind, id, body === null ? null : JSON.stringify(body));
    this.#scopes.set(scope, seq);
    return seq;
  }

  async pruneFeed(scope: FeedScope, upTo: number): Promise<void> {
    const { kysely } = this.queries;
    await sql`delete from feed where scope = ${scope} and seq <= ${upTo} and body is null`.execute(kysely);
    await sql`update feed_scope set floor = case when head < ${upTo} then head else ${upTo} end
      where scope = ${scope} and floor < ${upTo}`.execute(kysely);
  }

  async appendChange(change: Omit<Change, "seq">): Promise<number> {
    const seq = await this.nextNumber("change");
    const before = change.before && JSON.stringify(withoutSecrets(change.kind, change.before));
    const after = change.after && JSON.stringify(withoutSecrets(change.kind, change.after));
    await sql`insert into change_log (seq, at, tenant_id, actor, kind, resource_id, operation, before, after, write)
      values (${seq}, ${change.at}, ${change.tenant}, ${change.actor}, ${change.kind}, ${change.id},
        ${change.operation}, ${before}, ${after}, ${change.write ?? null})`.execute(this.queries.kysely);
    return seq;
  }

  nextNumber(sequence: string, count = 1): Promise<number> {
    return this.hot.nextNumber(sequence, count);
  }

  async setSetting(name: string, value: string): Promise<void> {
    await sql`insert into setting (name, value) values (${name}, ${value})
      on conflict (name) do update set value = excluded.value`.execute(this.queries.kysely);
  }

  #changed(kind: Kind, { tenant, resourceId: id }: Pick<Resource, "tenant" | "resourceId">): void {
    this.#changes.push({ kind: kind.name, tenant, id });
  }

  /** Runs a write; what the database refuses of it becomes a fault that names fields. */
  async #refused<T>(table: Table, resource: Resource, write: () => Promise<T>): Promise<T> {
    try {
      return await write();
    } catch (error) {
      const violation = this.hot.violationOf(error);
      throw violation ? await this.#faultOf(violation, table, resource, error) : error;
    }
  }

  async #faultOf(violation: Violation, table: Table, resource: Resource, cause: unknown): Promise<unknown> {
    switch (violation.of) {
      case "key":
        return idTaken(table.kind, resource.resourceId, cause);
      case "unique":
        return taken(table.kind, fieldsOf(table, violation.columns), cause);
      case "reference":
        return (await this.#brokenReference(table, resource)) ?? cause;
    }
  }

  async #brokenReference(table: Table, resource: Resource): Promise<Fault | undefined> {
    const values = { ...resource.fields, owner: resource.owner } as Record<string, unknown>;
    for (const { field, kind: name } of table.references) {
      const [id, kind] = [values[field], kindNamed(name)];
      if (typeof id !== "string" || !kind) continue;
      if (!(await this.get(kind, resource.tenant, id))) return missingReference(field, name);
    }
    if (await this.tenant(resource.tenant)) return undefined;
    return new Fault("NotFound", notFoundTenant(resource.tenant));
  }
}

function notFoundTenant(tenant: string): string {
  return `tenant ${tenant} not found`;
}

/** The fields of columns; a tenant's column goes without saying. */
function fieldsOf(table: Table, columns: readonly string[]): string[] {
  return columns
    .filter((name) => name !== "tenant_id")
    .map((name) => table.columns.find((column) => column.name === name)?.field ?? name);
}

function withoutSecrets(kind: string, fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const secret = (name: string) => kindNamed(kind)?.fields[name]?.secret === true;
  return Object.fromEntries(Object.entries(fields).filter(([name]) => !secret(name)));
}
