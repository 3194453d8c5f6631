import { type FeedScope, siteScope } from "@holdfast/protocol";
import { expect, test } from "vitest";
import { Sender, startTestHub } from "../hub-harness.ts";

const AT = "/v1/projects/default";
const HELD = "host-80000001";

/** A hub that was restored, and a site of its project that tells it what it likes. */
async function restored() {
  const hub = await startTestHub();
  const site = await hub.site();
  await hub.hub.authority.createTenant({ actor: "operator:test", name: "south" });
  const victim = await hub.site("south");
  const [lost] = hub.hub.authority.lineage();
  await hub.hub.authority.beginEpoch();
  const sender = new Sender(hub, site);
  const stamp = { id: "w", epoch: lost, generation: 1 };
  const bodyOf = (fields: Record<string, unknown>, more: object = {}) => {
    const stamps = Object.fromEntries(Object.keys(fields).map((name) => [name, stamp]));
    return { tenant: site.tenant, generation: 1, createdAt: 1, updatedAt: 1, stamps, fields, ...more };
  };
  const row = (kind: string, id: string, body: object, scope = "site") => ({
    type: "replica-row",
    ...{ scope, kind, id, body },
  });
  return {
    ...{ hub, site, victim, stamp, bodyOf, row },
    host: (more: object = {}, id = HELD) => row("host", id, bodyOf({ name: "x" }, { owner: site.id, ...more })),
    /** What became of the rows once all was told: the reasons why they were set aside. */
    async tells(...rows: object[]): Promise<string[]> {
      const { status } = await sender.send([...rows, { type: "recovered", rows: rows.length, lineage: [] }]);
      expect(status).toBe(200);
      const { body } = await hub.ask("GET", `${AT}/sites/${site.id}/quarantine`);
      return body.entries.map(({ reason }: { reason: string }) => reason).reverse();
    },
    /** Operators see what there is. */
    async shows(path: string) {
      const answer = await hub.ask("GET", `${AT}/${path}`);
      expect([path, answer.status]).toEqual([path, 200]);
      return answer.body;
    },
    [Symbol.asyncDispose]: () => hub[Symbol.asyncDispose](),
  };
}

test("a site that another project has is not taken back into this one: its token would open the other's feed (rule 11)", async () => {
  await using it = await restored();
  const { hub, victim } = it;
  const { regions } = await it.shows("regions");
  const fields = { name: "stolen", regionId: regions[0].resourceId };
  const reasons = await it.tells(it.row("site", victim.id, it.bodyOf(fields), "tenant"));
  expect(reasons).toEqual([expect.stringMatching(/another tenant/)]);
  expect((await hub.ask("POST", `${AT}/sites/${victim.id}/tokens`, {})).status).toBe(404);
  const { rows } = await hub.hub.store.read((view) => view.feed(siteScope(victim.id) as FeedScope, 0, 10));
  expect(rows.filter(({ kind }) => kind === "site")).toEqual([]);
});

const BEYOND = Number.MAX_SAFE_INTEGER;

test("rows that no hub has ever given out are set aside, and operators go on seeing the others (rule 9)", async () => {
  await using it = await restored();
  const stamps = (more: object) => ({ stamps: { name: { ...it.stamp, ...more } } });
  const reasons = await it.tells(
    it.host(),
    it.host({}, "host-80000002/../x"),
    it.host({ createdAt: BEYOND }, "host-80000003"),
    it.host({ updatedAt: -1 }, "host-80000004"),
    it.host({ generation: BEYOND }, "host-80000005"),
    it.host(stamps({ generation: BEYOND }), "host-80000006"),
    it.host(stamps({ id: "x".repeat(65) }), "host-80000007"),
    it.host({ creation: "x".repeat(65) }, "host-80000008"),
  );
  expect(reasons).toHaveLength(7);
  const { hosts } = await it.shows("compute/hosts");
  expect(hosts.map(({ resourceId }: { resourceId: string }) => resourceId)).toEqual([HELD]);
  // What came back goes on being counted.
  expect((await it.hub.ask("PATCH", `${AT}/compute/hosts/${HELD}`, { name: "y" })).status).toBe(200);
});

test("conflicts and credentials that no hub has ever given out are set aside", async () => {
  await using it = await restored();
  const value = { write: "w", value: "x", by: it.site.id, actor: "operator:bob", at: 1, standing: false };
  const about = { tenant: it.site.tenant, kind: "host", resourceId: HELD, field: "name", openedAt: 1 };
  const conflict = (number: number, more: object, of: object = {}) => {
    const body = { ...about, values: [{ ...value, ...of }], ...more };
    return it.row("conflict", `conflict-00000000000000a${number}`, body);
  };
  const known = { tenant: it.site.tenant, hash: "a".repeat(64), machine: "m", at: 1 };
  const reasons = await it.tells(
    it.host(),
    conflict(1, { resourceId: "evil" }),
    conflict(2, { field: "hostStatus" }),
    conflict(3, { field: "nonsense" }),
    conflict(4, { openedAt: BEYOND }),
    conflict(5, {}, { at: BEYOND }),
    conflict(6, {}, { write: "x".repeat(65) }),
    it.row("credential", HELD, { ...known, hash: "h" }),
    it.row("credential", HELD, { ...known, at: BEYOND }),
  );
  expect(reasons).toEqual([
    expect.stringMatching(/resourceId/),
    expect.stringMatching(/field/),
    expect.stringMatching(/field/),
    ...Array(3).fill(expect.stringMatching(/time or an id/)),
    expect.stringMatching(/at: is no time/),
  ]);
  expect((await it.shows("conflicts")).conflicts).toEqual([]);
});

test("a site says nothing of what other sites' hosts are called, and an id that is a host's means that host (rule 5)", async () => {
  await using it = await restored();
  const { hub, site } = it;
  const other = await hub.site();
  const at = async (siteId: string, name: string) =>
    (await hub.ask("POST", `${AT}/compute/hosts`, { name, siteId })).body.resourceId as string;
  const [own, others] = [await at(site.id, "own"), await at(other.id, "others")];
  const alias = (id: string, of: string) => it.row("alias", id, { tenant: site.tenant, kind: "host", of });
  await it.tells(alias("host-80000007", others), alias("nonsense", own), alias("host-80000008", own));
  const asked = async (id: string) => (await hub.ask("GET", `${AT}/compute/hosts/${id}`)).body.resourceId;
  expect(await asked("host-80000007")).toBeUndefined();
  expect(await asked("host-80000008")).toBe(own);
  // The host of that id comes back from its own site, later.
  const held = it.row("host", "host-80000008", it.bodyOf({ name: "late" }, { owner: other.id }));
  await new Sender(hub, other).send([held, { type: "recovered", rows: 1, lineage: [] }]);
  const edit = { type: "edit", intent: "e", kind: "host", id: "host-80000008", field: "name", base: "w", value: "y" };
  const sender = new Sender(hub, other, 2);
  const { outcomes } = (await sender.send([{ ...edit, actor: "operator:bob", at: 1 }])).body;
  expect(outcomes).toMatchObject([{ result: "applied" }]);
  expect((await it.shows(`compute/hosts/${own}`)).name).toBe("own");
  expect((await it.shows("compute/hosts/host-80000008")).name).toBe("y");
});
