import type { FeedScope, Resource } from "@holdfast/protocol";
import type { FeedPage } from "./contract.ts";
import type { Violation } from "./faults.ts";
import type { Table } from "./table.ts";

/**
 * What each dialect writes by hand, because it runs for every request, row or report, or because dialects differ in it.
 * Methods throw the driver's errors as they are.
 */
export interface HotPaths {
  get(table: Table, tenant: string, id: string): Promise<Resource | undefined>;
  insert(table: Table, resource: Resource): Promise<void>;
  /** Whether there was such a row. Parts are written again only when they differ. */
  replace(table: Table, resource: Resource): Promise<boolean>;
  delete(table: Table, tenant: string, id: string): Promise<boolean>;
  feedPage(scope: FeedScope, after: number, limit: number): Promise<FeedPage>;
  /** Returns the row's number, taken from the sequence `feed`. */
  appendFeed(scope: FeedScope, kind: string, id: string, body: string | null): Promise<number>;
  nextNumber(sequence: string, count: number): Promise<number>;
  savepoint(name: string, step: "begin" | "release" | "undo"): Promise<void>;
  /** What a driver's error says was refused; undefined when it is some other failure. */
  violationOf(error: unknown): Violation | undefined;
}
