import { type FeedScope, type Kind, kindNamed, type Resource } from "@holdfast/protocol";
import { Fault } from "@holdfast/runtime";
import { sql } from "kysely";
import { entryOf } from "../audit/entry.ts";
import type { Change, Commit, Tenant, Transaction } from "./contract.ts";
import { idTaken, missing, missingReference, stillReferred, taken, type Violation } from "./faults.ts";
import { noteRevisions, type Touched } from "./revisions.ts";
import { TABLES_OF_KINDS, type Table, tableOf } from "./table.ts";
import { StoreView } from "./view.ts";

/** Kinds that others refer to in lists. */
const LISTED = new Set(TABLES_OF_KINDS.flatMap(({ lists }) => lists.map(({ kind }) => kind)));

/** The writing half of every dialect's store; collects what its commit has to tell. */
export class StoreTransaction extends StoreView implements Transaction {
  #scopes = new Map<FeedScope, number>();
  #touched: Touched[] = [];
  #isLogged = false;
  #depth = 0;

  /** What this transaction has changed so far; undefined when nothing that a listener wants to know. */
  commit(): Commit | undefined {
    if (this.#scopes.size === 0 && this.#touched.length === 0 && !this.#isLogged) return undefined;
    return { scopes: this.#scopes, changes: this.#touched.map(({ kind, tenant, id }) => ({ kind, tenant, id })) };
  }

  /** The last thing that a transaction does. */
  noteRevisions(): Promise<void> {
    return noteRevisions(this.hot, this.#touched);
  }

  async savepoint<T>(work: () => Promise<T>): Promise<T> {
    const name = `part_${this.#depth}`;
    const before = { scopes: new Map(this.#scopes), changes: this.#touched.length };
    await this.hot.savepoint(name, "begin");
    this.#depth += 1;
    try {
      const result = await work();
      await this.hot.savepoint(name, "release");
      return result;
    } catch (error) {
      await this.#undo(name, error);
      this.#scopes = before.scopes;
      this.#touched.length = before.changes;
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
    await this.#refuseBrokenLists(table, resource);
    await this.#refused(table, resource, () => this.hot.insert(table, resource));
    this.#touch(kind, resource, "made");
  }

  async replace<K extends Kind>(kind: K, resource: Resource<K>): Promise<void> {
    const table = tableOf(kind);
    await this.#refuseBrokenLists(table, resource);
    const found = await this.#refused(table, resource, () => this.hot.replace(table, resource));
    if (!found) throw missing(kind);
    this.#touch(kind, resource, "changed");
  }

  async delete(kind: Kind, tenant: string, id: string): Promise<void> {
    if (LISTED.has(kind.name)) {
      const referrers = await this.referrers(kind, tenant, id);
      if (referrers.length > 0) throw stillReferred(kind, id, referrers);
    }
    try {
      if (!(await this.hot.delete(tableOf(kind), tenant, id))) return;
    } catch (error) {
      if (this.hot.violationOf(error)?.of !== "reference") throw error;
      throw stillReferred(kind, id, await this.referrers(kind, tenant, id));
    }
    this.#touch(kind, { tenant, resourceId: id }, "gone");
  }

  async insertTenant({ id, name }: Tenant): Promise<void> {
    try {
      await sql`insert into tenant (tenant_id, name) values (${id}, ${name})`.execute(this.queries.kysely);
    } catch (cause) {
      if (this.hot.violationOf(cause) === undefined) throw cause;
      throw new Fault("AlreadyExists", `tenant ${name} already exists`, { cause });
    }
  }

  async freezeTenant(id: string, at: number): Promise<void> {
    const frozen = sql`update tenant set frozen = ${at} where tenant_id = ${id} and frozen is null`;
    await frozen.execute(this.queries.kysely);
  }

  async deleteTenant(id: string): Promise<void> {
    try {
      await sql`delete from tenant where tenant_id = ${id}`.execute(this.queries.kysely);
    } catch (cause) {
      if (this.hot.violationOf(cause)?.of !== "reference") throw cause;
      throw new Fault("FailedPrecondition", `tenant ${id} still has resources`, { cause });
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

  async appendChange(given: Omit<Change, "seq">): Promise<number> {
    const seq = await this.nextNumber("change");
    const before = given.before && withoutSecrets(given.kind, given.before);
    const after = given.after && withoutSecrets(given.kind, given.after);
    const change: Change = { ...given, seq, before, after };
    const { hash } = entryOf(change, await this.hot.lastChange(change.tenant));
    await this.hot.appendChange(change, hash);
    this.#isLogged = true;
    return seq;
  }

  nextNumber(sequence: string, count = 1): Promise<number> {
    return this.hot.nextNumber(sequence, count);
  }

  async setSetting(name: string, value: string): Promise<void> {
    await sql`insert into setting (name, value) values (${name}, ${value})
      on conflict (name) do update set value = excluded.value`.execute(this.queries.kysely);
  }

  #touch(kind: Kind, { tenant, resourceId: id }: Pick<Resource, "tenant" | "resourceId">, how: Touched["how"]): void {
    this.#touched.push({ kind: kind.name, tenant, id, how });
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

  /** Lists of ids are kept by no foreign key. */
  async #refuseBrokenLists({ lists }: Table, { tenant, fields }: Resource): Promise<void> {
    for (const { field, kind: name } of lists) {
      const [ids, kind] = [(fields as Record<string, unknown>)[field], kindNamed(name)];
      if (!Array.isArray(ids) || ids.length === 0 || !kind) continue;
      const found = await this.getMany(kind, tenant, ids);
      if (!ids.every((id) => found.has(id))) throw missingReference(field, name);
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
