import { expect, test } from "vitest";
import { edit, HOSTS, stampOf, startWithHost } from "../conflicts/under-test.ts";
import { recoverAccess } from "./access.ts";

test("what an operator wanted at a site is authorised again when the hub merges it; a refusal is a conflict (rule 6)", async () => {
  const { hub: opened, site, sender, id } = await startWithHost();
  await using hub = opened;
  const { tokens, authority } = hub.hub;
  const elsewhere = await authority.createTenant({ actor: "operator:test", name: "elsewhere" });
  const make = async (role: "read" | "write", more: object = {}) =>
    (await tokens.createOperator({ name: "bob", role, tenants: "all", ...more })).id;
  const revoked = await make("write");
  await tokens.revoke(revoked);
  const ended = (await tokens.list()).find((row) => row.id === revoked)?.created_at ?? 0;
  const brief = await make("write", { validSeconds: 60 });
  const [siteToken] = (await tokens.list()).filter(({ role }) => role === "site");
  const cases: [why: string, token: string, at: number, reason: RegExp][] = [
    ["unknown", "token-0000000000000000", 1, /not known/],
    ["of a site", siteToken?.id ?? "", 1, /not known/],
    ["revoked", revoked, 1, /revoked/],
    ["expired", brief, ended + 3_600_000, /expired/],
    ["of a reader", await make("read"), 1, /may read/],
    ["of another project", await make("write", { tenants: [elsewhere.id] }), 1, /this project/],
  ];
  for (const [why, token, at, reason] of cases) {
    const intent = `by-${why}`;
    const [outcome] = (await sender.send([edit(intent, id, await stampOf(hub, site, id), { token, at })])).body
      .outcomes;
    const conflicting = { intent, result: "conflict", conflict: expect.any(String) };
    expect([why, outcome]).toEqual([why, expect.objectContaining(conflicting)]);
    expect(outcome.reason).toMatch(reason);
  }
  expect((await hub.ask("GET", `${HOSTS}/${id}`)).body.name).toBe("first");
});

test("who may switch machines did so at a site rightly, and renamed none there (rule 6)", async () => {
  const { hub: opened, site, sender, id } = await startWithHost();
  await using hub = opened;
  const asked = { name: "bob", roles: ["oob-power"], tenants: [site.tenant], by: { actor: "operator:test" } };
  const { id: token } = await hub.hub.tokens.createService(asked);
  const base = await stampOf(hub, site, id);
  const off = { field: "desiredPowerState", value: "POWER_STATE_OFF" };
  const { outcomes } = (await sender.send([edit("e-1", id, base, { token }), edit("e-2", id, base, { token, ...off })]))
    .body;
  expect(outcomes).toMatchObject([
    { result: "conflict", reason: expect.stringMatching(/may read/) },
    { result: "applied" },
  ]);
});

test("what was refused is in the history, under its write, with who wanted what in place of what (rules 6, 7)", async () => {
  const { hub: opened, site, sender, id } = await startWithHost();
  await using hub = opened;
  const lent = (await sender.send([], { wantIds: 1 })).body.ids.first.toString(16);
  const by = { actor: "operator:bob", at: 1, token: "token-0000000000000000" };
  const made = { kind: "host", id: `host-${lent}`, creation: "c-1", fields: { name: "made" } };
  const edited = edit("e-1", id, await stampOf(hub, site, id), by);
  const { outcomes } = (await sender.send([edited, { type: "create", intent: "e-2", ...made, ...by }])).body;
  expect(outcomes).toMatchObject([{ result: "conflict" }, { result: "conflict" }]);
  const changes = await hub.hub.store.read((view) => view.changes(site.tenant, 0, 1_000));
  const actor = `site:${site.id}/operator:bob`;
  expect(changes.filter(({ operation }) => operation === "conflict")).toMatchObject([
    { write: "e-1", id, actor, before: { name: "first" }, after: { name: "by e-1" } },
    { write: "e-2", id: made.id, actor, before: null, after: { name: "made" } },
  ]);
  expect(await hub.hub.store.read((view) => view.knowsWrite(site.tenant, "e-1"))).toBe(true);
});

test("a good token lets an edit through, one that expired only afterwards too, and what no token was used for (rule 6)", async () => {
  const { hub: opened, site, sender, id } = await startWithHost();
  await using hub = opened;
  const brief = { name: "bob", role: "write", tenants: [site.tenant], validSeconds: 1 } as const;
  const { id: token } = await hub.hub.tokens.createOperator(brief);
  const base = await stampOf(hub, site, id);
  const { outcomes } = (await sender.send([edit("e-1", id, base, { token, at: 1 }), edit("e-2", id, "e-1")])).body;
  expect(outcomes).toMatchObject([{ result: "applied" }, { result: "applied" }]);
});

test("what was wanted with a token at the site that gave it back is as good as before the disaster, confirmed or not (rules 6, 20)", async () => {
  const { hub: opened, site, sender, id } = await startWithHost();
  await using hub = opened;
  const token = "token-00000000000000aa";
  const body = { tenant: site.tenant, name: "bob", role: "write", tokenHash: "a".repeat(64) } as const;
  const held = { ...body, notAfter: null, offlineSeconds: 60 };
  const origin = { site: site.id, tenant: site.tenant, stream: { epoch: "e", incarnation: 1 }, now: 1 };
  await hub.hub.store.write((tx) => recoverAccess(tx, { id: token, body: held, origin }));
  const { outcomes } = (await sender.send([edit("e-1", id, await stampOf(hub, site, id), { token, at: 1 })])).body;
  expect(outcomes).toMatchObject([{ result: "applied" }]);
});
