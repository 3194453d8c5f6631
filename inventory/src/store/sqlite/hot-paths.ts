import type { FeedScope, Resource } from "@holdfast/protocol";
import { decodeResource, encodePart, encodeResource, type Row, selectList } from "../codec.ts";
import type { FeedPage } from "../contract.ts";
import type { Violation } from "../faults.ts";
import type { HotPaths } from "../hot-paths.ts";
import type { PartTable, Table } from "../table.ts";
import type { Connection } from "./connection.ts";
import { violationOf } from "./violation.ts";

const HEAD = "select head, floor from feed_scope where scope = ?";
/**
 * A value as statements with an order or a limit take it. SQLite would plan them anew, which takes longer than looking a row
 * up, for each `?` in them that is bound again.
 */
const GIVEN = "(select ?)";

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

const SAVEPOINT = { begin: ["savepoint"], release: ["release"], undo: ["rollback to", "release"] } as const;

interface Texts {
  readonly select: string;
  readonly insert: string;
  readonly update: string;
  readonly delete: string;
}

const KEY = "tenant_id = ? and resource_id = ?";

function textsOf(table: Table): Texts {
  const names = table.columns.map((column) => `"${column.name}"`);
  const marks = names.map(() => "?");
  return {
    select: `select ${selectList(table.columns, "t")} from "${table.name}" as t where ${KEY}`,
    insert: `insert into "${table.name}" (${names.join(", ")}) values (${marks.join(", ")})`,
    update: `update "${table.name}" set ${names.map((name) => `${name} = ?`).join(", ")} where ${KEY}`,
    delete: `delete from "${table.name}" where ${KEY}`,
  };
}

function textsOfPart(part: PartTable): Texts {
  const names = part.columns.map((column) => `"${column.name}"`);
  const key = (value: string) => `tenant_id = ${value} and "${part.parent}" = ${value}`;
  return {
    select: `select ${selectList(part.columns, "t")} from "${part.name}" as t where ${key(GIVEN)} order by position`,
    insert: `insert into "${part.name}" (tenant_id, "${part.parent}", position, ${names.join(", ")})
      values (?, ?, ?, ${names.map(() => "?").join(", ")})`,
    update: "",
    delete: `delete from "${part.name}" where ${key("?")}`,
  };
}

/** SQLite's hand-written statements, prepared once a connection. */
export class SqliteHotPaths implements HotPaths {
  readonly #connection: Connection;
  readonly #texts = new Map<Table, Texts>();
  readonly #partTexts = new Map<PartTable, Texts>();

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  async get(table: Table, tenant: string, id: string): Promise<Resource | undefined> {
    const row = this.#connection.prepare(this.#textsOf(table).select).get(tenant, id);
    if (row === undefined) return undefined;
    const parts: Record<string, readonly Row[]> = {};
    for (const part of table.parts) parts[part.field] = this.#partRows(part, tenant, id);
    return decodeResource(table, row as Row, parts);
  }

  async insert(table: Table, resource: Resource): Promise<void> {
    this.#connection.prepare(this.#textsOf(table).insert).run(encodeResource(table, resource));
    for (const part of table.parts) this.#writeParts(part, resource);
  }

  async replace(table: Table, resource: Resource): Promise<boolean> {
    const { tenant, resourceId } = resource;
    const update = this.#connection.prepare(this.#textsOf(table).update);
    const { changes } = update.run([...encodeResource(table, resource), tenant, resourceId]);
    if (changes === 0) return false;
    for (const part of table.parts) this.#replaceParts(part, resource);
    return true;
  }

  async delete(table: Table, tenant: string, id: string): Promise<boolean> {
    return this.#connection.prepare(this.#textsOf(table).delete).run(tenant, id).changes > 0;
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

  async nextNumber(sequence: string, count: number): Promise<number> {
    const row = this.#connection.prepare(NEXT).get(sequence, count) as { value: number };
    return row.value - count + 1;
  }

  async savepoint(name: string, step: keyof typeof SAVEPOINT): Promise<void> {
    for (const verb of SAVEPOINT[step]) this.#connection.prepare(`${verb} ${name}`).run();
  }

  violationOf(error: unknown): Violation | undefined {
    return violationOf(error);
  }

  #textsOf(table: Table): Texts {
    const texts = this.#texts.get(table) ?? textsOf(table);
    this.#texts.set(table, texts);
    return texts;
  }

  #textsOfPart(part: PartTable): Texts {
    const texts = this.#partTexts.get(part) ?? textsOfPart(part);
    this.#partTexts.set(part, texts);
    return texts;
  }

  #partRows(part: PartTable, tenant: string, id: string): readonly Row[] {
    return this.#connection.prepare(this.#textsOfPart(part).select).all(tenant, id) as Row[];
  }

  #replaceParts(part: PartTable, resource: Resource): void {
    const { tenant, resourceId } = resource;
    const stored = this.#partRows(part, tenant, resourceId).map((row) => part.columns.map(({ name }) => row[name]));
    const wanted = partsOf(part, resource).map((each) => encodePart(part, each));
    if (JSON.stringify(stored) === JSON.stringify(wanted)) return;
    this.#connection.prepare(this.#textsOfPart(part).delete).run(tenant, resourceId);
    this.#writeParts(part, resource);
  }

  #writeParts(part: PartTable, resource: Resource): void {
    const { tenant, resourceId } = resource;
    for (const [position, each] of partsOf(part, resource).entries()) {
      this.#connection
        .prepare(this.#textsOfPart(part).insert)
        .run(tenant, resourceId, position, ...encodePart(part, each));
    }
  }
}

function partsOf(part: PartTable, resource: Resource): readonly Row[] {
  return ((resource.fields as Record<string, unknown>)[part.field] ?? []) as readonly Row[];
}
