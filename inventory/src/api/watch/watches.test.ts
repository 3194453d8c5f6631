import { PassThrough } from "node:stream";
import { Region } from "@holdfast/protocol";
import type { FastifyReply } from "fastify";
import { expect, test, vi } from "vitest";
import { type ApiUnderTest, openApi } from "../api-under-test.ts";
import type { Source } from "./batch.ts";
import { steppedClock } from "./watch-under-test.ts";
import { Watches } from "./watches.ts";

const make = (api: ApiUnderTest, name: string) => api.done("POST", "regions", { name });

/** As much of an answer as a watch writes to. */
function reply() {
  const raw = Object.assign(new PassThrough(), { socket: new PassThrough(), writeHead() {}, flushHeaders() {} });
  let text = "";
  raw.on("data", (chunk: Buffer) => {
    text += chunk.toString();
  });
  const answer = { raw, hijack() {}, getHeaders: () => ({}) } as unknown as FastifyReply;
  return { answer, tells: (what: string) => vi.waitFor(() => expect(text).toContain(what)) };
}

/** Watches over a store of which reads fail while it is broken. */
async function watching() {
  const api = await openApi();
  let broken = false;
  const source: Source = {
    store: new Proxy(api.store, {
      get(store, name) {
        if (name === "read" && broken) return () => Promise.reject(new Error("broken"));
        const value: unknown = Reflect.get(store, name, store);
        return typeof value === "function" ? value.bind(store) : value;
      },
    }),
    silent: async () => ({}),
    show: async (_view, _tenant, _kind, resources) =>
      resources.map(({ resourceId, fields }) => ({ resourceId, fields })),
  };
  const clock = steppedClock();
  const watches = new Watches(source, clock);
  const begin = (caller: { mayStill?: () => Promise<void> } = {}) => {
    const { answer, tells } = reply();
    const over = watches.stream({
      ...{ kind: Region, tenant: api.acme.id, selection: undefined, cursor: undefined },
      caller: { actor: "operator:w", caller: "token-w" },
      ...{ reply: answer, mayStill: async () => undefined, ...caller },
    });
    return { over, tells };
  };
  return {
    ...{ api, clock, begin },
    breakDown: (is: "broken" | "whole") => {
      broken = is === "broken";
    },
    [Symbol.asyncDispose]: async () => {
      watches.close();
      await api[Symbol.asyncDispose]();
    },
  };
}

test("one that was let go of and ends late takes from nobody what they follow", async () => {
  await using world = await watching();
  const looking = Promise.withResolvers<void>();
  const asked = Promise.withResolvers<void>();
  const late = world.begin({
    mayStill: () => {
      asked.resolve();
      return looking.promise;
    },
  });
  const early = world.begin();
  for (const each of [late, early]) await each.tells("bookmark");
  world.clock.step();
  await asked.promise;
  world.breakDown("broken");
  await make(world.api, "while it is broken");
  for (const each of [late, early]) await each.tells("event: error");
  await early.over;
  world.breakDown("whole");
  const next = world.begin();
  await next.tells("bookmark");
  looking.resolve();
  await late.over;
  await make(world.api, "told at once");
  await next.tells("told at once");
});
