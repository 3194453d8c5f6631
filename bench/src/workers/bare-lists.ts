import { createServer } from "node:http";
import Database from "better-sqlite3";
import { serve } from "./serve.ts";

/** What answers one list: statements of SQL with their values, and the answer as the hub gave it. */
export interface BareList {
  readonly statements: readonly { readonly sql: string; readonly values: readonly (string | number)[] }[];
  readonly answer: unknown;
}

interface Options {
  readonly database: string;
  readonly lists: readonly BareList[];
}

type Row = Readonly<Record<string, unknown>>;

/**
 * What a list costs whoever writes it by hand over node:http: its rows are read, an object with the API's names is made of each,
 * and JSON is written. That is of an answer that is known, so the objects need not be put into one another.
 */
serve(async ({ database, lists }: Options) => {
  const db = new Database(database, { readonly: true });
  const prepared = lists.map(({ statements, answer }) => ({
    answer,
    statements: statements.map(({ sql, values }) => ({ statement: db.prepare<unknown[], Row>(sql), values })),
  }));
  const server = createServer((request, response) => {
    const list = prepared[Number((request.url ?? "").slice(1))];
    if (!list) throw new Error(`no list ${request.url}`);
    for (const { statement, values } of list.statements) statement.all(...values).map(shown);
    const body = Buffer.from(JSON.stringify(list.answer));
    response.writeHead(200, { "content-type": "application/json; charset=utf-8", "content-length": body.length });
    response.end(body);
  });
  const port = await new Promise<number>((resolve) => {
    server.listen(0, "127.0.0.1", () => resolve((server.address() as { port: number }).port));
  });
  return { port: () => port };
});

const names = new Map<string, string>();

function shown(row: Row): Row {
  const object: Record<string, unknown> = {};
  for (const [column, value] of Object.entries(row)) object[nameOf(column)] = value ?? "";
  return object;
}

function nameOf(column: string): string {
  const known = names.get(column);
  if (known !== undefined) return known;
  const name = column.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
  names.set(column, name);
  return name;
}
