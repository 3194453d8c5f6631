import { systemClock } from "@holdfast/runtime";
import { expect, test } from "vitest";
import { startTestHub } from "../hub-harness.ts";
import { recoverAccess } from "./access.ts";

test("a project's log tells of a token that opens several, and not which the others are", async () => {
  await using hub = await startTestHub();
  const make = async (name: string) => (await hub.hub.authority.createTenant({ actor: "operator:test", name })).id;
  const [south, north] = [await make("south"), await make("north")];
  const { id } = await hub.hub.tokens.createOperator({ name: "bob", role: "write", tenants: [south, north] });
  await hub.hub.tokens.revoke(id);
  const back = { name: "eve", role: "read", tokenHash: "a".repeat(64), notAfter: null, offlineSeconds: 60 } as const;
  const lost = "token-00000000000000aa";
  for (const [site, tenant] of [
    ["site-0000000a", south],
    ["site-0000000b", north],
  ] as const) {
    const origin = { site, tenant, stream: { epoch: "e", incarnation: 1 }, now: systemClock.now() };
    await hub.hub.store.write((tx) => recoverAccess(tx, { id: lost, body: { ...back, tenant }, origin }));
  }
  await hub.hub.tokens.confirm(lost);
  for (const [own, site, others] of [
    [south, "site-0000000a", [north, "site-0000000b"]],
    [north, "site-0000000b", [south, "site-0000000a"]],
  ] as const) {
    const log = await hub.hub.store.read((view) => view.changes(own, 0, 1_000));
    const told = log.filter(({ kind }) => kind === "token");
    expect(told.map(({ operation }) => operation)).toEqual(["create", "delete", "update"]);
    for (const { before, after } of told) expect((before ?? after)?.tenants).toEqual([own]);
    expect(told.at(-1)?.after?.givenBackBy).toEqual([site]);
    expect(others.filter((other) => JSON.stringify(log).includes(other))).toEqual([]);
  }
});
