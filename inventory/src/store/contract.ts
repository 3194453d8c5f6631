import type { FeedScope, Kind, Resource } from "@holdfast/protocol";
import type { Kysely } from "kysely";
import type { Author } from "../author.ts";
import type { Condition } from "./condition.ts";
import type { Position } from "./position.ts";
import type { LogPosition, RevisionPage } from "./revisions.ts";

/**
 * Where resources live: at the hub as the authority, at a site as a replica. One contract; every implementation passes
 * `conformance.ts`. Nothing here says which database it is.
 */
export interface Store {
  /** Runs against one consistent snapshot. `work` may be begun anew, and then in another one: see `View.letOthers`. */
  read<T>(work: (view: View) => Promise<T>): Promise<T>;
  /**
   * Runs one transaction at a time. What it wrote is durable when the promise resolves, and gone when `work` throws.
   * Inside, wait for nothing but the transaction itself: another `read` or `write` there is refused, for what is given
   * to `work` reads its own writes and nothing else does. The same holds inside `read`. A long piece of work may let the
   * event loop go round in between: reads see what was before, and writes wait.
   */
  write<T>(work: (transaction: Transaction) => Promise<T>): Promise<T>;
  /** Called after each durable commit that appended to a feed or to the log, or changed a resource. Returns how to stop it. */
  onCommit(listener: (commit: Commit) => void): () => void;
  /** Whether anybody but this store has written to the database since this was asked last. Costs next to nothing. */
  writtenElsewhere(): boolean;
  /**
   * Does what the database needs so that it does not grow, where it could not do so by itself. Throws when that cannot be done:
   * writes go on being taken, but not for ever. Costs next to nothing otherwise.
   */
  tend(): Promise<void>;
  close(): Promise<void>;
}

/** What one commit changed. */
export interface Commit {
  /** The highest sequence number that each scope's feed has got. */
  readonly scopes: ReadonlyMap<FeedScope, number>;
  readonly changes: readonly ChangedResource[];
}

export interface ChangedResource {
  readonly kind: string;
  readonly tenant: string;
  readonly id: string;
}

export interface Tenant {
  /** A UUID. */
  readonly id: string;
  /** The project's name in paths. */
  readonly name: string;
  /** Since when nothing new is taken for it, as it is being deleted: milliseconds since the epoch; absent while it stands. */
  readonly frozen?: number;
}

/** In the place of a tenant, for the program's own work that is no caller's. Nothing reads all by leaving something out. */
export const EVERY_TENANT: unique symbol = Symbol("every tenant");

export type OneOrEveryTenant = string | typeof EVERY_TENANT;

export interface View {
  get<K extends Kind>(kind: K, tenant: string, id: string): Promise<Resource<K> | undefined>;
  /** Those that exist, by id. */
  getMany<K extends Kind>(kind: K, tenant: string, ids: readonly string[]): Promise<ReadonlyMap<string, Resource<K>>>;
  /** Without those that are retired: nobody is offered them any more. */
  list<K extends Kind>(kind: K, query: ListQuery): Promise<ResourceList<K>>;
  /** The ids of the same, in the same order. */
  listIds(kind: Kind, query: ListQuery): Promise<IdList>;
  /**
   * Resources of a kind whose fields equal these values exactly, or one of several. `owner` and `creation` may be asked for
   * as fields are.
   */
  find<K extends Kind>(
    kind: K,
    values: Readonly<Record<string, string | readonly string[]>>,
    tenant: OneOrEveryTenant,
  ): Promise<readonly Resource<K>[]>;
  /** Whatever refers to a resource, one example a kind, a standing one before one that is retired; empty when it may go. */
  referrers(kind: Kind, tenant: string, id: string): Promise<readonly Referrer[]>;

  tenant(nameOrId: string): Promise<Tenant | undefined>;
  tenants(): Promise<readonly Tenant[]>;

  /** Rows of a scope's feed after a sequence number, oldest first, and where the log stands in the same snapshot. */
  feed(scope: FeedScope, after: number, limit: number): Promise<FeedPage>;
  /** What has changed of a kind after a revision, oldest first, of each resource the newest: for those who watch. */
  revisions(
    of: { readonly tenant: string; readonly kind: string },
    page: { readonly after: number; readonly limit: number },
  ): Promise<RevisionPage>;
  /** Where the log of revisions stands in this snapshot. */
  revision(): Promise<LogPosition>;
  /** The history of changes after a sequence number, oldest first. */
  changes(tenant: string, after: number, limit: number): Promise<readonly Change[]>;
  /** Whether the history tells of a write, also of one that changed nothing or could not apply. */
  knowsWrite(tenant: string, id: string): Promise<boolean>;

  /**
   * Lets others have their turn, in the midst of work that takes long: all that want the event loop, and other reads. The
   * work of a read is begun anew when it first asks for that, in a snapshot that keeps nobody waiting but others like it.
   */
  letOthers(): Promise<void>;

  /** A named value of the store itself: its epoch, a counter's ceiling. */
  setting(name: string): Promise<string | undefined>;
  /** A program's own tables in the same database and the same transaction. */
  tables<T>(): Kysely<T>;
  /**
   * What a statement of SQL finds, `?` standing for each value. For what is asked with every request: a statement that
   * `tables` builds takes longer to build than to run.
   */
  rows<T>(statement: string, values: readonly (string | number | null)[]): Promise<readonly T[]>;
}

export interface Referrer {
  readonly kind: Kind;
  readonly id: string;
  readonly retired: boolean;
}

export interface Transaction extends View {
  /**
   * Runs a part of the transaction: when `work` throws, what it wrote is undone and the rest still stands; the error goes
   * on to the caller.
   */
  savepoint<T>(work: () => Promise<T>): Promise<T>;

  /**
   * Adds a resource with all its fields and bookkeeping. Throws a `Fault`: FailedPrecondition naming the fields when it
   * breaks uniqueness, InvalidArgument naming the field when it refers to what does not exist, AlreadyExists when the id
   * is taken.
   */
  insert<K extends Kind>(kind: K, resource: Resource<K>): Promise<void>;
  /** Writes a resource that exists, whole. Throws as `insert` does, and NotFound. */
  replace<K extends Kind>(kind: K, resource: Resource<K>): Promise<void>;
  /** Throws FailedPrecondition naming the kind that still refers to it. Deleting what is absent does nothing. */
  delete(kind: Kind, tenant: string, id: string): Promise<void>;

  insertTenant(tenant: Tenant): Promise<void>;
  /** From `at` on the tenant is frozen; one that is frozen already stays so since then. */
  freezeTenant(id: string, at: number): Promise<void>;
  /** Throws FailedPrecondition while there is a resource of it. Deleting what is absent does nothing. */
  deleteTenant(id: string): Promise<void>;

  /**
   * Makes `body` the newest row of (scope, kind, id); null says it is gone. Sequence numbers rise in commit order over
   * all scopes. Returns the row's number.
   */
  appendFeed(scope: FeedScope, kind: string, id: string, body: object | null): Promise<number>;
  /** Forgets tombstones up to a sequence number and raises the scope's floor to it, at most to the scope's head. */
  pruneFeed(scope: FeedScope, upTo: number): Promise<void>;
  /**
   * Adds to the log of changes, chained to what came before in it; nothing in it is ever changed or removed. Fields that their
   * kind declares secret are left out. Returns its number.
   */
  appendChange(change: Omit<Change, "seq">): Promise<number>;
  /**
   * The next number of a named sequence, from 1; with `count`, the first of so many. A rolled-back transaction gives its
   * numbers back.
   */
  nextNumber(sequence: string, count?: number): Promise<number>;
  setSetting(name: string, value: string): Promise<void>;
}

export interface ListQuery {
  readonly tenant: OneOrEveryTenant;
  readonly where?: Condition;
  /** By resource id, ascending, when empty; resource id always breaks ties. */
  readonly orderBy?: readonly { readonly field: string; readonly descending: boolean }[];
  /** No limit when absent. */
  readonly limit?: number;
  readonly offset?: number;
  /** Only what comes after a position in the same order; the total counts what is before it too. */
  readonly after?: Position;
  /**
   * By site: since when it is silent, milliseconds since the epoch. Conditions and order see of its machines what is shown
   * of them (`unseenFields`), not what was last seen; the resources come as they are stored.
   */
  readonly silent?: ReadonlyMap<string, number>;
}

export interface ResourceList<K extends Kind> {
  readonly resources: readonly Resource<K>[];
  /** How many match in all. */
  readonly total: number;
  /** Where to go on; absent when nothing comes after. */
  readonly next?: Position;
}

export interface IdList extends Pick<ResourceList<Kind>, "total" | "next"> {
  readonly ids: readonly string[];
}

export interface FeedRow {
  readonly seq: number;
  readonly kind: string;
  readonly id: string;
  /** JSON text as it goes over the wire; null says that the resource is gone from this scope. */
  readonly body: string | null;
  /** The number of the row by which the resource last appeared in the scope: a follower behind it sees an insert. */
  readonly since: number;
}

export interface FeedPage {
  readonly rows: readonly FeedRow[];
  /** The scope's highest number in this snapshot; 0 when it has no rows. */
  readonly head: number;
  /** Followers below it have missed tombstones and must start anew. */
  readonly floor: number;
}

/** Something that somebody did, for audit and for watching. Times are milliseconds since the epoch. */
export interface Change extends Author {
  readonly seq: number;
  readonly at: number;
  /** Empty for what concerns the hub as a whole. */
  readonly tenant: string;
  readonly kind: string;
  readonly id: string;
  /** `conflict`: what was wanted did not apply; `before` stands. `refuse`: somebody was turned away. */
  readonly operation: "create" | "update" | "delete" | "conflict" | "refuse";
  /** Fields before and after; secrets are left out of both. */
  readonly before: Readonly<Record<string, unknown>> | null;
  readonly after: Readonly<Record<string, unknown>> | null;
  /** Id of the write, which its stamps carry; absent for what sets none. */
  readonly write?: string;
}
