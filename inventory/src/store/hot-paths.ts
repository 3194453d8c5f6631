import type { FeedScope, Resource } from "@holdfast/protocol";
import type { Links } from "../audit/entry.ts";
import type { Row } from "./codec.ts";
import type { Change, FeedPage } from "./contract.ts";
import type { Violation } from "./faults.ts";
import type { Touched } from "./revisions.ts";
import type { Table } from "./table.ts";

/** By column: what it shall hold, or of what it shall hold one. */
export type Wanted = Readonly<Record<string, string | readonly string[]>>;

/**
 * What each dialect writes by hand, because it runs for every request, row or report, or because dialects differ in it.
 * Methods throw the driver's errors as they are.
 */
export interface HotPaths {
  get(table: Table, tenant: string, id: string): Promise<Resource | undefined>;
  /** All whose columns hold what is wanted, by id and tenant. */
  find(table: Table, wanted: Wanted): Promise<Resource[]>;
  /** The resources of rows that some other statement found, with their parts, in the order of the rows. */
  resources(table: Table, rows: readonly Row[]): Resource[];
  insert(table: Table, resource: Resource): Promise<void>;
  /** Whether there was such a row. Parts are written again only when they differ. */
  replace(table: Table, resource: Resource): Promise<boolean>;
  delete(table: Table, tenant: string, id: string): Promise<boolean>;
  feedPage(scope: FeedScope, after: number, limit: number): Promise<FeedPage>;
  /** Returns the row's number, taken from the sequence `feed`. */
  appendFeed(scope: FeedScope, kind: string, id: string, body: string | null): Promise<number>;
  /** The hashes that the next entry of a tenant's log follows. */
  lastChange(tenant: string): Promise<Links>;
  appendChange(change: Change, hash: string): Promise<void>;
  nextNumber(sequence: string, count: number): Promise<number>;
  /** Makes this number the newest revision of a resource. */
  noteRevision(touched: Touched, seq: number): Promise<void>;
  savepoint(name: string, step: "begin" | "release" | "undo"): Promise<void>;
  rows<T>(statement: string, values: readonly (string | number | null)[]): Promise<readonly T[]>;
  /** Runs a statement that finds nothing. */
  run(statement: string, values: readonly (string | number | null)[]): Promise<void>;
  /** What a driver's error says was refused; undefined when it is some other failure. */
  violationOf(error: unknown): Violation | undefined;
}
