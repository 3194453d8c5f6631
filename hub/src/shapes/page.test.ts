import { siteScope } from "@holdfast/protocol";
import fc from "fast-check";
import { expect, test } from "vitest";
import { type Offset, parseOffset, writeOffset } from "./offset.ts";
import { firstPage, pageAfter, type ShapePage, type Tail } from "./page.ts";

const SCOPE = siteScope("site-00000001");
const row = (seq: number, id: string, since = seq, body: string | null = "{}") => ({ seq, kind: "k", id, body, since });
const told = (page: ShapePage | undefined) =>
  page?.messages.map((message) => {
    const { headers, value } = JSON.parse(message);
    return `${headers.operation} ${value.id}`;
  });

test("a snapshot shows what is there, and no tombstones", () => {
  const page = firstPage(SCOPE, { rows: [row(1, "a"), row(3, "b", 2, null)], head: 3, floor: 0, complete: true });
  expect(told(page)).toEqual(["insert a"]);
  expect(page).toMatchObject({ next: { seq: 3, read: 0 }, upToDate: true });
});

test("after an offset, what appeared since is an insert, what changed an update, what went a delete", () => {
  const rows = [row(11, "new"), row(12, "old", 4), row(13, "back", 12), row(14, "gone", 3, null)];
  const page = pageAfter(SCOPE, { seq: 10, read: 0 }, { rows, head: 14, floor: 10, complete: true });
  expect(told(page)).toEqual(["insert new", "update old", "insert back", "delete gone"]);
});

test("a delete carries the key alone, a key's slashes are doubled", () => {
  const tail = { rows: [row(1, "a/b", 1, null)], head: 1, floor: 0, complete: true };
  const [message] = pageAfter(SCOPE, { seq: 0, read: 0 }, tail)?.messages ?? [];
  expect(JSON.parse(message ?? "")).toMatchObject({
    key: `"public"."feed"/"${SCOPE}"/"k"/"a//b"`,
    value: { scope: SCOPE, kind: "k", id: "a/b" },
  });
  expect(JSON.parse(message ?? "").value).not.toHaveProperty("body");
});

test("a follower below the floor or beyond the head must start anew", () => {
  const tail: Tail = { rows: [], head: 20, floor: 10, complete: true };
  expect(pageAfter(SCOPE, { seq: 9, read: 0 }, tail)).toBeUndefined();
  expect(pageAfter(SCOPE, { seq: 9, read: 15 }, tail)).toBeUndefined();
  expect(pageAfter(SCOPE, { seq: 21, read: 0 }, tail)).toBeUndefined();
  expect(pageAfter(SCOPE, { seq: 10, read: 0 }, tail)).toMatchObject({ next: { seq: 20, read: 0 } });
});

test("offsets are read as they are written, and nothing else is an offset", () => {
  const offset = fc.record({ seq: fc.nat(), read: fc.nat() });
  const kept = fc.property(offset, (made) => {
    expect(parseOffset(writeOffset(made))).toEqual(made);
  });
  fc.assert(kept);
  expect(parseOffset("7_inf")).toEqual({ seq: 7, read: 0 });
  for (const text of ["", "1", "-1", "1_", "_1", "a_b", "1_2_3", "1.5_0", "9".repeat(16).concat("_0")]) {
    expect(parseOffset(text)).toBeUndefined();
  }
});

/** A scope's log in memory: only the newest row of each id, as the store keeps it. */
class Log {
  readonly rows = new Map<string, ReturnType<typeof row>>();
  head = 0;

  write(id: string, body: string | null): void {
    const known = this.rows.get(id);
    if (body === null && (known?.body ?? null) === null) return;
    this.head += 1;
    this.rows.set(id, row(this.head, id, known && known.body !== null ? known.since : this.head, body));
  }

  tail(after: number, limit: number): Tail {
    const rows = [...this.rows.values()].filter(({ seq }) => seq > after).sort((a, b) => a.seq - b.seq);
    return { rows: rows.slice(0, limit), head: this.head, floor: 0, complete: rows.length <= limit };
  }
}

const step = fc.oneof(
  fc.record({ do: fc.constant("write" as const), id: fc.constantFrom(..."abcdefgh"), n: fc.nat(99) }),
  fc.record({ do: fc.constant("delete" as const), id: fc.constantFrom(..."abcdefgh") }),
  fc.record({ do: fc.constant("read" as const) }),
);

test("whatever is written while pages are read, an up-to-date follower holds what the log shows", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.integer({ min: 1, max: 4 }), (steps, limit) => {
      const log = new Log();
      const held = new Map<string, string>();
      let offset: Offset | undefined;
      const read = () => {
        const after = offset ? Math.max(offset.read, offset.read > 0 ? 0 : offset.seq) : 0;
        const tail = log.tail(after, limit);
        const page = offset ? pageAfter(SCOPE, offset, tail) : firstPage(SCOPE, tail);
        if (!page) throw new Error("no page");
        for (const message of page.messages) {
          const { headers, value } = JSON.parse(message);
          if (headers.operation === "delete") held.delete(value.id);
          else held.set(value.id, value.body);
        }
        offset = page.next;
        return page.upToDate;
      };
      for (const one of steps) {
        if (one.do === "write") log.write(one.id, String(one.n));
        else if (one.do === "delete") log.write(one.id, null);
        else read();
      }
      while (!read());
      const live = [...log.rows.values()].filter(({ body }) => body !== null);
      expect(held).toEqual(new Map(live.map(({ id, body }) => [id, body])));
    }),
    { numRuns: 500 },
  );
});
