import { once } from "node:events";
import { get, type IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";
import { Host } from "@holdfast/protocol";
import { type MetricFamily, silentLog, systemClock } from "@holdfast/runtime";
import { expect, onTestFinished, test } from "vitest";
import type { Principal } from "../api/principal.ts";
import { operatorGrants } from "../api/roles.ts";
import { createServer } from "../api/server.ts";
import { createAuthority } from "../authority/authority.ts";
import { openSqliteStore } from "../store/sqlite/open.ts";
import { READ_WITHIN } from "./readers.ts";
import { Metrics } from "./serve.ts";

/** More than the sockets between two programs take when nobody reads. */
const LARGE = Array.from({ length: 40 }, (_, index) => ({
  ...{ name: `a_${index}`, help: "x".repeat(1024 * 1024), type: "gauge" as const, samples: [] },
}));

/** Metrics at an address, told to readers and `admin`, by whatever token; time passes when a test says so. */
async function served(told: readonly MetricFamily[] = LARGE) {
  const store = await openSqliteStore({ path: ":memory:" });
  const sleeping = new Set<() => void>();
  const sleep = (milliseconds: number, signal?: AbortSignal) =>
    new Promise<void>((resolve, reject) => {
      if (milliseconds !== READ_WITHIN) return;
      sleeping.add(resolve);
      signal?.addEventListener("abort", () => {
        sleeping.delete(resolve);
        reject(signal.reason);
      });
    });
  const families = async () => told;
  const metrics = new Metrics({ store, clock: { ...systemClock, sleep }, isSilent: () => false, families });
  const app = createServer(silentLog);
  app.decorateRequest("principal", undefined);
  app.addHook("onRequest", async (request) => {
    const token = String(request.headers.authorization);
    const grants = operatorGrants(token === "admin" ? "write" : "read", "all");
    request.principal = { actor: "operator:a", token, grants } satisfies Principal;
  });
  metrics.route(app, () => true);
  const url = await app.listen({ host: "127.0.0.1", port: 0 });
  onTestFinished(async () => {
    app.server.closeAllConnections();
    await app.close();
    await store.close();
  });
  const ask = async (token: string, headers = {}) => {
    const request = get(`${url}/metrics`, { headers: { authorization: token, ...headers }, agent: false });
    const [answer] = (await once(request, "response")) as [IncomingMessage];
    answer.on("error", () => undefined);
    return answer;
  };
  return {
    store,
    ask,
    sleeping,
    timeOut: () => {
      for (const wake of sleeping) wake();
    },
  };
}

async function readWhole(answer: IncomingMessage): Promise<number> {
  let bytes = 0;
  for await (const chunk of answer) bytes += (chunk as Buffer).length;
  return bytes;
}

test("one caller is told once at a time, and does not keep the others from being told", async () => {
  const { ask } = await served();
  const silent = await ask("one");
  expect(silent.statusCode).toBe(200);
  const again = await ask("one");
  expect([again.statusCode, again.headers["retry-after"]]).toEqual([429, "5"]);
  const other = await ask("another");
  expect(other.statusCode).toBe(200);
  expect(await readWhole(other)).toBeGreaterThan(40 * 1024 * 1024);
  silent.destroy();
  await expect.poll(async () => (await ask("one")).statusCode).toBe(200);
});

test.each([
  ["as it is", {}],
  ["zipped", { "accept-encoding": "gzip" }],
])("who does not read what was asked for %s loses it, and the place, when its time is over", async (_, headers) => {
  const { ask, sleeping, timeOut } = await served();
  const silent = await Promise.all(["one", "two", "three"].map((token) => ask(token)));
  expect((await ask("four", headers)).statusCode).toBe(429);
  timeOut();
  await expect.poll(() => sleeping.size).toBe(0);
  const four = await ask("four", headers);
  expect(four.statusCode).toBe(200);
  await readWhole(four);
  await expect(readWhole(silent[0] as IncomingMessage)).rejects.toThrow("aborted");
  expect(sleeping.size).toBe(0);
});

test("of a project that is being deleted nobody is told but the hub's administrators", async () => {
  const { ask, store } = await served([]);
  const authority = await createAuthority({ store, clock: systemClock });
  const { id: tenant } = await authority.createTenant({ actor: "hub", name: "gone" });
  await authority.create(Host, { actor: "operator:a", tenant, fields: { name: "theirs" } });
  const isTold = async (token: string) => (await text(await ask(token))).includes('name="theirs"');
  expect(await isTold("reader")).toBe(true);
  await store.write((tx) => tx.freezeTenant(tenant, 1));
  expect(await isTold("reader")).toBe(false);
  expect(await isTold("admin")).toBe(true);
});
