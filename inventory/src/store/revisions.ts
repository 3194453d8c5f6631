import type { ChangedResource } from "./contract.ts";
import type { HotPaths } from "./hot-paths.ts";

/** A resource's newest change. */
export interface Revision {
  readonly seq: number;
  readonly id: string;
  /** The number by which it last came to be; 0 when that was before the log. */
  readonly since: number;
  readonly gone: boolean;
}

/** Where the log of revisions stands. */
export interface LogPosition {
  /** Which log it is: another one after the database was made anew, or brought back from a backup. */
  readonly log: string;
  /** The highest number given; 0 when none was. */
  readonly head: number;
  /** Who has seen less has missed what is forgotten, and must begin anew. */
  readonly floor: number;
}

export interface RevisionPage extends LogPosition {
  readonly rows: readonly Revision[];
}

/** What a transaction did to a resource. */
export interface Touched extends ChangedResource {
  readonly how: "made" | "changed" | "gone";
}

/**
 * A commit of more than this is another state and not a change, as when a site takes over all that its hub has: nothing is
 * noted of it, and whoever watches begins anew. What a site sends at once is far from it.
 */
const LARGEST_COMMIT = 10_000;

/**
 * How many that are gone are remembered, and how many of them when they have become too many: all of the largest commit,
 * and those of others while it is read.
 */
const MOST_GONE = 20_000;
const KEPT_GONE = 15_000;

const SEQUENCE = "revision";
const FLOOR = "revision-floor";

const POSITION = `select (select value from setting where name = 'revision-log') as log,
  (select value from setting where name = 'epoch') as epoch,
  (select value from sequence where name = '${SEQUENCE}') as head,
  (select value from setting where name = '${FLOOR}') as floor`;

const PAGE = `select seq, resource_id as id, since, gone from revision
  where tenant_id = ? and kind = ? and seq > ? order by seq limit ?`;

const TOO_MANY = `select seq from revision where gone = 1 order by seq desc limit 1 offset ${MOST_GONE}`;
const OLDEST_KEPT = `select seq from revision where gone = 1 order by seq desc limit 1 offset ${KEPT_GONE}`;

export async function logPosition(hot: HotPaths): Promise<LogPosition> {
  const [row] = await hot.rows<{ log: string; epoch: string | null; head: unknown; floor: unknown }>(POSITION, []);
  if (!row) throw new TypeError("a select without a table found nothing");
  return { log: `${row.log}/${row.epoch ?? ""}`, head: Number(row.head ?? 0), floor: Number(row.floor ?? 0) };
}

/** What has changed of a kind after a number, oldest first: of each resource its newest revision. */
export async function revisionPage(
  hot: HotPaths,
  { tenant, kind }: { readonly tenant: string; readonly kind: string },
  { after, limit }: { readonly after: number; readonly limit: number },
): Promise<RevisionPage> {
  const found = await hot.rows<Record<keyof Revision, unknown>>(PAGE, [tenant, kind, after, limit]);
  const rows = found.map(({ seq, id, since, gone }) => ({
    ...{ seq: Number(seq), id: String(id) },
    ...{ since: Number(since), gone: Number(gone) === 1 },
  }));
  return { rows, ...(await logPosition(hot)) };
}

/** Notes what a transaction did, as its last work: numbers rise in the order of commits. */
export async function noteRevisions(hot: HotPaths, touched: readonly Touched[]): Promise<void> {
  if (touched.length === 0) return;
  const newest = new Map<string, Touched>();
  for (const each of touched) {
    const key = `${each.tenant}/${each.kind}/${each.id}`;
    const isNew = newest.get(key)?.how === "made" && each.how === "changed";
    newest.set(key, isNew ? { ...each, how: "made" } : each);
  }
  if (newest.size > LARGEST_COMMIT) {
    await forget(hot, await hot.nextNumber(SEQUENCE, 1), "delete from revision");
    return;
  }
  let seq = await hot.nextNumber(SEQUENCE, newest.size);
  for (const each of newest.values()) await hot.noteRevision(each, seq++);
  if (touched.some(({ how }) => how === "gone")) await forgetGone(hot);
}

async function forgetGone(hot: HotPaths): Promise<void> {
  if ((await hot.rows(TOO_MANY, [])).length === 0) return;
  const [oldest] = await hot.rows<{ seq: unknown }>(OLDEST_KEPT, []);
  const upTo = Number(oldest?.seq);
  await forget(hot, upTo, `delete from revision where gone = 1 and seq <= ${upTo}`);
}

async function forget(hot: HotPaths, floor: number, statement: string): Promise<void> {
  await hot.run(statement, []);
  await hot.run(
    `insert into setting (name, value) values ('${FLOOR}', ?) on conflict (name) do update set value = excluded.value`,
    [String(floor)],
  );
}
