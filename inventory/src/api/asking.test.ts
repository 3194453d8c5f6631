import { describe, expect, test } from "vitest";
import type { Asking, Inventory } from "../inventory.ts";
import { openApi } from "./api-under-test.ts";

/** An API that keeps how each write was asked for, and says that it is safe at a site alone. */
async function listening() {
  const heard: Asking[] = [];
  const taken = <A extends Asking>(asked: A): A => {
    heard.push(asked);
    asked.durable?.({ held: "site", ...(heard.length === 2 ? { conflict: "conflict-1" } : {}) });
    const { durable: _, ...rest } = asked;
    return rest as A;
  };
  const between = (inner: Inventory): Inventory => ({
    store: inner.store,
    create: (kind, request) => inner.create(kind, taken(request)),
    update: (kind, request) => inner.update(kind, taken(request)),
    remove: (kind, request) => inner.remove(kind, taken(request)),
  });
  return { ...(await openApi({ between })), heard };
}

describe("a write (rule 4)", () => {
  test("carries who asks, by which token and how long for, and its answer how safe it is", async () => {
    await using api = await listening();
    const ask = (method: "POST" | "PATCH" | "PUT" | "DELETE", path: string, body?: unknown) =>
      api.ask(method, path, { body, headers: { prefer: "respond-async, wait=7" } });
    const made = await ask("POST", "compute/hosts", { name: "a" });
    const path = `compute/hosts/${String(made.body.resourceId)}`;
    const answers = [
      made,
      await ask("PATCH", path, { name: "b" }),
      await ask("PUT", path, { name: "c" }),
      await ask("PATCH", `${path}/onboard`),
      await ask("PUT", `${path}/invalidate`),
      await ask("DELETE", path),
    ];
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200, 200]);
    expect(api.heard).toHaveLength(6);
    for (const asked of api.heard) {
      expect(asked).toMatchObject({ actor: "operator:w", token: "token-w", waitFor: 7_000 });
    }
    expect(answers.map(({ headers }) => headers["holdfast-durability"])).toEqual(Array(6).fill("site"));
    expect(answers.map(({ headers }) => headers["holdfast-conflict"])).toEqual([
      undefined,
      "conflict-1",
      ...Array(4).fill(undefined),
    ]);
  });

  test.each([
    [undefined, undefined],
    ["wait=0", 0],
    ['wait="3"', 3_000],
    ["Wait = 3; soon", 3_000],
    ["wait=31", 30_000],
    ["wait=999999999", 30_000],
    ["wait=soon", undefined],
    ["wait=-1", undefined],
    ["return=minimal", undefined],
  ])("waits as long as Prefer says, at most 30 s: %s", async (prefer, waitFor) => {
    await using api = await listening();
    const headers = prefer === undefined ? {} : { prefer };
    await api.ask("POST", "compute/hosts", { body: { name: "a" }, headers });
    expect(api.heard[0]?.waitFor).toBe(waitFor);
  });

  test("that did not happen says nothing of safety", async () => {
    await using api = await listening();
    const answer = await api.ask("POST", "compute/hosts", { body: { name: 1 } });
    expect(answer.headers).not.toHaveProperty("holdfast-durability");
  });
});
