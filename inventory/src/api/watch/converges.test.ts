import fc from "fast-check";
import { expect, test } from "vitest";
import { type ApiUnderTest, type Body, openApi } from "../api-under-test.ts";
import { type WatchEvent, watch } from "./watch-under-test.ts";

const FILTER = `filter=${encodeURIComponent('name="even"')}`;

/** What a client keeps of a watch, and how it goes on when it broke. */
class Client {
  readonly #api: ApiUnderTest;
  readonly #query: string;
  readonly #known = new Map<string, unknown>();
  readonly #staysFor: number;
  #cursor: string | undefined;

  constructor(api: ApiUnderTest, { query, staysFor }: { query: string; staysFor: number }) {
    this.#api = api;
    this.#query = query;
    this.#staysFor = staysFor;
  }

  /** Follows, with breaks, until something of this name is told of. Returns names by id. */
  async until(name: string): Promise<ReadonlyMap<string, unknown>> {
    for (;;) {
      const from = this.#cursor === undefined ? "" : `&cursor=${this.#cursor}`;
      await using watcher = await watch(this.#api, `regions?watch=true&${this.#query}${from}`);
      // It stays at least until it has a cursor.
      for (let count = 0; count < this.#staysFor || this.#cursor === undefined; count++) {
        const event = await watcher.next();
        this.#take(event);
        // What is told before the first cursor is a part of the state.
        if (this.#cursor !== undefined && [...this.#known.values()].includes(name)) return this.#known;
      }
    }
  }

  #take({ name, id, data }: WatchEvent): void {
    if (id !== undefined) this.#cursor = id;
    if (name === "created" || name === "updated") this.#known.set(String(data.resourceId), data.name);
    if (name === "deleted") this.#known.delete(String(data.resourceId));
  }
}

const step = fc.record({
  what: fc.constantFrom("create", "rename", "rename", "delete"),
  which: fc.nat(5),
  name: fc.constantFrom("even", "odd", "evenly", "oddly"),
  pause: fc.boolean(),
});

async function play(api: ApiUnderTest, steps: readonly (typeof step extends fc.Arbitrary<infer S> ? S : never)[]) {
  const ids: string[] = [];
  for (const { what, which, name, pause } of steps) {
    const id = ids[which % Math.max(ids.length, 1)];
    if (what === "create" || id === undefined) {
      ids.push(String((await api.done("POST", "regions", { name })).resourceId));
    } else if (what === "rename") await api.done("PATCH", `regions/${id}`, { name });
    else {
      await api.done("DELETE", `regions/${id}`);
      ids.splice(ids.indexOf(id), 1);
    }
    if (pause) await new Promise((resolve) => setImmediate(resolve));
  }
}

test("whoever watches has the list in the end, whenever they came, however often they broke off, whatever they filter", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 8 }),
      fc.array(step, { maxLength: 20 }),
      fc.array(fc.record({ query: fc.constantFrom("", FILTER), staysFor: fc.integer({ min: 1, max: 12 }) }), {
        minLength: 1,
        maxLength: 4,
      }),
      async (before, during, clients) => {
        await using api = await openApi();
        await play(api, before);
        await api.app.listen({ host: "127.0.0.1", port: 0 });
        const told = clients.map((each) => new Client(api, each).until("even end"));
        await play(api, during);
        await api.done("POST", "regions", { name: "even end" });
        for (const [index, known] of (await Promise.all(told)).entries()) {
          const { regions } = await api.done("GET", `regions?pageSize=100&${clients[index]?.query}`);
          const names = (regions as Body[]).map((each) => [each.resourceId, each.name]);
          expect(Object.fromEntries(known)).toEqual(Object.fromEntries(names));
        }
        // As a program that closes does with who does not go by himself.
        api.app.server.closeAllConnections();
      },
    ),
    { numRuns: 12 },
  );
});
