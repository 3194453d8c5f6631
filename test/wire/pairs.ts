import { idFromNumber } from "@holdfast/protocol";
import type { Json } from "../world/request.ts";
import type { FeedRow } from "./acts.ts";
import { withIds } from "./recording.ts";

/** What hub and site make up: ids with a prefix, UUIDs, and hashes. */
const MADE_UP = /^([a-z]+-[0-9a-f]{8,16}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{64})$/;

/** What was made up when it was recorded, and what stands in its place now. */
export class Pairs {
  readonly #now = new Map<string, string>();

  nowOf(then: string): string {
    return this.#now.get(then) ?? then;
  }

  apply<T>(recorded: T): T {
    return withIds(recorded, this.#now);
  }

  /** Two values of one shape: where both have something made up at one place, the one stands for the other. */
  pair(then: Json, now: Json): void {
    if (typeof then === "string" && typeof now === "string") {
      if (then !== now && MADE_UP.test(then) && MADE_UP.test(now) && !this.#now.has(then)) this.#now.set(then, now);
      return;
    }
    if (typeof then !== "object" || typeof now !== "object" || then === null || now === null) return;
    for (const name of Object.keys(then)) this.pair(then[name], now[name]);
  }

  /** Rows of the feed: the same id, the same name, or the only one of its kind. */
  pairRows(then: readonly FeedRow[], now: readonly FeedRow[]): void {
    for (const row of then) {
      const ofKind = now.filter(({ kind }) => kind === row.kind);
      const same =
        ofKind.find(({ id }) => id === this.nowOf(row.id)) ??
        ofKind.find(({ body }) => nameOf(body) !== undefined && nameOf(body) === nameOf(row.body)) ??
        (ofKind.length === 1 ? ofKind[0] : undefined);
      if (same) this.pair(row, same);
    }
  }

  /** A block of ids for machines that a site makes by itself. */
  lend(then: number, now: number, count: number): void {
    for (let nth = 0; nth < count; nth += 1) {
      for (const prefix of ["host", "inst", "singlesche"]) {
        this.pair(idFromNumber(prefix, then + nth), idFromNumber(prefix, now + nth));
      }
    }
  }
}

function nameOf({ name, fields }: { name?: string; fields?: { name?: string } }): string | undefined {
  return name ?? fields?.name;
}
