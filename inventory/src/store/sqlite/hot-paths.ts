import type { FeedScope, Resource } from "@holdfast/protocol";
import type { Links } from "../../audit/entry.ts";
import { decodeResource, encodeColumns, encodeResource, type Row } from "../codec.ts";
import type { Change, FeedPage } from "../contract.ts";
import type { Violation } from "../faults.ts";
import type { HotPaths, Wanted } from "../hot-paths.ts";
import type { Touched } from "../revisions.ts";
import type { Sealer } from "../secrets/sealer.ts";
import type { PartTable, Table } from "../table.ts";
import type { Connection } from "./connection.ts";
import { findText, GIVEN, textsOf, textsOfPart } from "./texts.ts";
import { violationOf } from "./violation.ts";

const HEAD = "select head, floor from feed_scope where scope = ?";
const PAGE = `select seq, kind, id, body, since from feed where scope = ${GIVEN} and seq > ${GIVEN}
  order by seq limit ${GIVEN}`;

// A row keeps `since` for as long as the resource stays in the scope; a tombstone keeps that of what it buries.
const APPEND = `insert into feed (scope, kind, id, seq, body, since) values (@scope, @kind, @id, @seq, @body, @seq)
  on conflict (scope, kind, id) do update set seq = excluded.seq, body = excluded.body,
    since = case when feed.body is null and excluded.body is not null then excluded.seq else feed.since end`;

const RAISE_HEAD = `insert into feed_scope (scope, head, floor) values (?, ?, 0)
  on conflict (scope) do update set head = excluded.head`;

const NEXT = `insert into sequence (name, value) values (?, ?)
  on conflict (name) do update set value = value + excluded.value returning value`;

const LAST_CHANGE = "select tenant_id as tenant, hash from change_log order by seq desc limit 1";
const LAST_CHANGE_OF = "select hash from change_log where tenant_id = ? order by seq desc limit 1";

const APPEND_CHANGE = `insert into change_log (seq, at, tenant_id, actor, kind, resource_id, operation, before, after, write,
  token, address, request, wanted_at, hash) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;

// As with feed rows: a revision keeps `since` for as long as the resource is there.
const REVISE = `insert into revision (tenant_id, kind, resource_id, seq, since, gone)
  values (@tenant, @kind, @id, @seq, @since, @gone)
  on conflict (tenant_id, kind, resource_id) do update set seq = excluded.seq, gone = excluded.gone,
    since = case when revision.gone = 1 and excluded.gone = 0 then excluded.seq else revision.since end`;

const SAVEPOINT = { begin: ["savepoint"], release: ["release"], undo: ["rollback to", "release"] } as const;

/** SQLite's hand-written statements, prepared once a connection. */
export class SqliteHotPaths implements HotPaths {
  readonly #connection: Connection;
  readonly #sealer: Sealer;

  constructor(connection: Connection, sealer: Sealer) {
    this.#connection = connection;
    this.#sealer = sealer;
  }

  async get(table: Table, tenant: string, id: string): Promise<Resource | undefined> {
    const sealer = this.#sealer;
    const row = this.#connection.prepare(textsOf(table).get).get(tenant, id) as Row | undefined;
    return row && decodeResource(table, row, { sealer, partsOf: (part) => this.#partRows(part, tenant, id) });
  }

  async find(table: Table, wanted: Wanted): Promise<Resource[]> {
    const values = Object.values(wanted).map((each) => (typeof each === "string" ? each : JSON.stringify(each)));
    const rows = this.#connection.prepare(findText(table, wanted)).all(values) as Row[];
    return this.resources(table, rows).sort(byId);
  }

  resources(table: Table, rows: readonly Row[]): Resource[] {
    const parts = new Map(table.parts.map((part) => [part, this.#partsOfMany(part, rows)]));
    const partsOf = (row: Row) => (part: PartTable) =>
      parts.get(part)?.get(ownerKey(row.tenant_id, row.resource_id)) ?? [];
    return rows.map((row) => decodeResource(table, row, { sealer: this.#sealer, partsOf: partsOf(row) }));
  }

  async insert(table: Table, resource: Resource): Promise<void> {
    this.#connection.prepare(textsOf(table).insert).run(encodeResource(table, resource, this.#sealer));
    for (const part of table.parts) this.#writeParts(part, resource);
  }

  async replace(table: Table, resource: Resource): Promise<boolean> {
    const { tenant, resourceId } = resource;
    const update = this.#connection.prepare(textsOf(table).update);
    const { changes } = update.run([...encodeResource(table, resource, this.#sealer), tenant, resourceId]);
    if (changes === 0) return false;
    for (const part of table.parts) this.#replaceParts(part, resource);
    return true;
  }

  async delete(table: Table, tenant: string, id: string): Promise<boolean> {
    return this.#connection.prepare(textsOf(table).delete).run(tenant, id).changes > 0;
  }

  async feedPage(scope: FeedScope, after: number, limit: number): Promise<FeedPage> {
    const at = this.#connection.prepare(HEAD).get(scope) as Pick<FeedPage, "head" | "floor"> | undefined;
    const rows = this.#connection.prepare(PAGE).all(scope, after, limit) as FeedPage["rows"];
    return { rows, head: at?.head ?? 0, floor: at?.floor ?? 0 };
  }

  async appendFeed(scope: FeedScope, kind: string, id: string, body: string | null): Promise<number> {
    const seq = await this.nextNumber("feed", 1);
    this.#connection.prepare(APPEND).run({ scope, kind, id, seq, body });
    this.#connection.prepare(RAISE_HEAD).run(scope, seq);
    return seq;
  }

  async lastChange(tenant: string): Promise<Links> {
    const last = this.#connection.prepare(LAST_CHANGE).get() as { tenant: string; hash: string } | undefined;
    if (!last) return { previous: "", previousInHub: "" };
    // Mostly the entry before is of the same tenant. One statement that asks for both costs ten times as much.
    if (last.tenant === tenant) return { previous: last.hash, previousInHub: last.hash };
    const own = this.#connection.prepare(LAST_CHANGE_OF).get(tenant) as { hash: string } | undefined;
    return { previous: own?.hash ?? "", previousInHub: last.hash };
  }

  async appendChange(change: Change, hash: string): Promise<void> {
    const { seq, at, tenant, actor, kind, id, operation, before, after } = change;
    const { write = null, token = null, address = null, request = null, wantedAt = null } = change;
    const fields = [before && JSON.stringify(before), after && JSON.stringify(after)];
    const author = [write, token, address, request, wantedAt];
    this.#connection
      .prepare(APPEND_CHANGE)
      .run(seq, at, tenant, actor, kind, id, operation, ...fields, ...author, hash);
  }

  async nextNumber(sequence: string, count: number): Promise<number> {
    const row = this.#connection.prepare(NEXT).get(sequence, count) as { value: number };
    return row.value - count + 1;
  }

  async noteRevision({ tenant, kind, id, how }: Touched, seq: number): Promise<void> {
    const revision = { tenant, kind, id, seq, since: how === "made" ? seq : 0, gone: how === "gone" ? 1 : 0 };
    this.#connection.prepare(REVISE).run(revision);
  }

  async run(statement: string, values: readonly (string | number | null)[]): Promise<void> {
    this.#connection.prepare(statement).run(values);
  }

  async savepoint(name: string, step: keyof typeof SAVEPOINT): Promise<void> {
    for (const verb of SAVEPOINT[step]) this.#connection.prepare(`${verb} ${name}`).run();
  }

  async rows<T>(statement: string, values: readonly (string | number | null)[]): Promise<readonly T[]> {
    return this.#connection.prepare(statement).all(values) as T[];
  }

  violationOf(error: unknown): Violation | undefined {
    return violationOf(error);
  }

  #partRows(part: PartTable, tenant: string, id: string): readonly Row[] {
    return this.#connection.prepare(textsOfPart(part).get).all(tenant, id) as Row[];
  }

  #partsOfMany(part: PartTable, rows: readonly Row[]): ReadonlyMap<string, readonly Row[]> {
    const found = [...Map.groupBy(rows, (row) => row.tenant_id)].flatMap(([tenant, owners]) => {
      const ids = JSON.stringify(owners.map((row) => row.resource_id));
      return this.#connection.prepare(textsOfPart(part).getMany).all(tenant, ids) as Row[];
    });
    return Map.groupBy(found, (row) => ownerKey(row.tenant_id, row.parent_id));
  }

  #replaceParts(part: PartTable, resource: Resource): void {
    const { tenant, resourceId } = resource;
    const stored = this.#partRows(part, tenant, resourceId).map((row) => part.columns.map(({ name }) => row[name]));
    const wanted = partsIn(part, resource).map((each) => encodeColumns(part.columns, each));
    if (JSON.stringify(stored) === JSON.stringify(wanted)) return;
    this.#connection.prepare(textsOfPart(part).delete).run(tenant, resourceId);
    this.#writeParts(part, resource);
  }

  #writeParts(part: PartTable, resource: Resource): void {
    const { tenant, resourceId } = resource;
    for (const [position, each] of partsIn(part, resource).entries()) {
      this.#connection
        .prepare(textsOfPart(part).insert)
        .run(tenant, resourceId, position, ...encodeColumns(part.columns, each));
    }
  }
}

function ownerKey(tenant: unknown, id: unknown): string {
  return `${String(tenant)}/${String(id)}`;
}

function byId(one: Resource, other: Resource): number {
  return compare(one.resourceId, other.resourceId) || compare(one.tenant, other.tenant);
}

function compare(one: string, other: string): number {
  return one < other ? -1 : Number(one > other);
}

function partsIn(part: PartTable, resource: Resource): readonly Row[] {
  return ((resource.fields as Record<string, unknown>)[part.field] ?? []) as readonly Row[];
}
