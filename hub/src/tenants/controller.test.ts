import { KINDS, Provider, TelemetryLogsGroup, TelemetryMetricsGroup } from "@holdfast/protocol";
import { hours } from "@holdfast/runtime";
import { sql } from "kysely";
import { expect, test } from "vitest";
import { ALICE, fill, Mortal } from "./controller-under-test.ts";
import { FORCED_AFTER } from "./projects.ts";

const NOTHING = KINDS.map(() => 0);

test("a project gets each default once, whichever of its writes the hub dies in", async () => {
  const mortal = await Mortal.born();
  let deaths = 0;
  for (let isDead = true; isDead; ) {
    const name = `acme-${deaths}`;
    const tenant = await mortal.make(name);
    expect(await mortal.state(name)).toMatchObject({
      ...{ state: "creating" },
      standing: { indicator: "STATUS_INDICATION_IN_PROGRESS", message: `Project ${name} CREATE is in progress` },
    });
    isDead = await mortal.advanceDying(tenant, deaths);
    if (isDead) deaths += 1;
    expect(await mortal.state(name)).toMatchObject({
      state: "active",
      standing: { indicator: "STATUS_INDICATION_IDLE" },
    });
    const providers = await mortal.store.read((view) => view.find(Provider, {}, tenant));
    expect(providers.map(({ fields }) => fields.name)).toEqual(["infra_onboarding"]);
    const groups = await mortal.store.read(async (view) => [
      ...(await view.find(TelemetryLogsGroup, {}, tenant)),
      ...(await view.find(TelemetryMetricsGroup, {}, tenant)),
    ]);
    expect(groups).toHaveLength(14);
  }
  expect(deaths, "one for each write").toBe(2);
});

test("a default that an operator made first is theirs, and one that they removed meanwhile is not made again", async () => {
  const mortal = await Mortal.born();
  const tenant = await mortal.make();
  const fields = { name: "infra_onboarding", providerKind: "PROVIDER_KIND_BAREMETAL", apiEndpoint: "mine" };
  const own = await mortal.authority.create(Provider, { actor: ALICE, tenant, fields });
  await mortal.reborn(1);
  await expect(mortal.advance(tenant)).rejects.toThrow("killed");
  await mortal.reborn(Number.POSITIVE_INFINITY);
  await mortal.authority.remove(Provider, { actor: ALICE, tenant, id: own.resourceId });
  await mortal.advance(tenant);
  expect(await mortal.state("acme")).toMatchObject({ state: "active" });
  const providers = await mortal.store.read((view) => view.find(Provider, {}, tenant));
  expect(providers.filter(({ fields: { apiEndpoint } }) => apiEndpoint === "holdfast")).toEqual([]);
});

test("a project goes with all it has, whichever write the hub dies in, and nothing of another's does", async () => {
  const mortal = await Mortal.born();
  const furnish = async (name: string) => {
    const tenant = await mortal.make(name);
    await mortal.advance(tenant);
    const { site } = await fill(mortal, tenant);
    await mortal.tokens.createSite({ name: "oslo", tenant, site });
    await mortal.tokens.createOperator({ name: "member", role: "write", tenants: [tenant] });
    return tenant;
  };
  const other = await furnish("other");
  const before = await mortal.countsOf(other);
  let deaths = 0;
  for (let isDead = true; isDead; ) {
    const tenant = await furnish("acme");
    await mortal.remove("acme");
    isDead = await mortal.advanceDying(tenant, deaths);
    if (isDead) deaths += 1;
    expect([await mortal.state("acme"), await mortal.state(tenant)]).toEqual([undefined, undefined]);
    expect(await mortal.countsOf(tenant)).toEqual(NOTHING);
  }
  expect(deaths, "one for each write").toBeGreaterThan(8);
  expect([await mortal.countsOf(other), (await mortal.state("other"))?.state]).toEqual([before, "active"]);
  const standing = (await mortal.tokens.list()).filter(({ revoked_at }) => revoked_at === null);
  expect(standing.map(({ name, tenants }) => [name, tenants])).toEqual([
    ["oslo", JSON.stringify([other])],
    ["member", JSON.stringify([other])],
  ]);
});

test("whoever else has come to the hub has a turn between two steps, however many a project takes", async () => {
  const mortal = await Mortal.born();
  const tenant = await mortal.make();
  await mortal.advance(tenant);
  await fill(mortal, tenant);
  await mortal.remove("acme");
  let turns = 0;
  const turn = () => {
    turns += 1;
    next = setImmediate(turn);
  };
  let next = setImmediate(turn);
  mortal.writesLeft = 1_000;
  await mortal.advance(tenant);
  clearImmediate(next);
  expect(turns).toBeGreaterThanOrEqual(1_000 - mortal.writesLeft - 1);
});

/** Where a tenant that is gone is still spoken of: its history, that it was there, which ids and writes it had, old tokens. */
const REMEMBERED = ["change_log", "earlier_write", "project", "token", "tombstone"];

test("nothing in the database speaks of a project that is gone but its history and what keeps it from coming back", async () => {
  const mortal = await Mortal.born();
  const tenant = await mortal.make();
  await mortal.advance(tenant);
  const { site } = await fill(mortal, tenant);
  await mortal.tokens.createSite({ name: "oslo", tenant, site });
  await mortal.remove("acme");
  await mortal.advance(tenant);
  const found = await mortal.store.read(async (view) => {
    const tables = await view.tables().introspection.getTables();
    const speaking = await Promise.all(
      tables.map(async ({ name }) => {
        const { rows } = await sql<object>`select * from ${sql.table(name)}`.execute(view.tables());
        return rows.some((row) => JSON.stringify(row).includes(tenant)) ? [name] : [];
      }),
    );
    return speaking.flat().sort();
  });
  expect(found.filter((name) => !REMEMBERED.includes(name))).toEqual([]);
  const history = await mortal.store.read((view) => view.changes(tenant, 0, 100));
  expect(history.at(0)).toMatchObject({ kind: "tenant", operation: "create", actor: ALICE });
  expect(history.at(-1)).toMatchObject({ kind: "tenant", operation: "delete", before: { name: "acme" } });
  expect(history.find(({ after }) => after && "frozen" in after)).toMatchObject({ actor: ALICE });
});

test("its sites are waited for, and the status says for whom and since when, until an administrator passes them over", async () => {
  const mortal = await Mortal.born();
  const tenant = await mortal.make();
  const { site } = await fill(mortal, tenant);
  await mortal.remove(tenant);
  expect(await mortal.advance(tenant, [site])).toEqual({ checkAfter: 10_000 });
  const waiting = await mortal.state("acme");
  expect(waiting).toMatchObject({ state: "deleting", standing: { indicator: "STATUS_INDICATION_IN_PROGRESS" } });
  const [from, until] = ["2026-11-23T00:00:00.000Z", "2026-11-23T01:00:00.000Z"];
  expect(waiting?.standing.message).toBe(
    `Project acme DELETE is in progress: waiting for ${site} to let go of 1 instance (asked for since ${from}, may be forced from ${until} on)`,
  );
  mortal.now += FORCED_AFTER - 1;
  await mortal.advance(tenant, [site]);
  expect((await mortal.state("acme"))?.standing.at, "since then").toBe(waiting?.standing.at);
  const tooSoon = {
    code: "FailedPrecondition",
    message: `force: the sites of project acme are waited for until ${until}`,
  };
  await expect(mortal.remove("acme", "passed-over")).rejects.toMatchObject(tooSoon);
  mortal.now += 1;
  await mortal.remove("acme", "passed-over");
  await mortal.advance(tenant, [site]);
  expect(await mortal.state("acme")).toBeUndefined();
  const history = await mortal.store.read((view) => view.changes(tenant, 0, 100));
  expect(history.filter(({ after }) => after?.forced === true)).toMatchObject([{ actor: ALICE }]);
});

test("a project that is not being deleted cannot be forced to go", async () => {
  const mortal = await Mortal.born();
  await mortal.make();
  mortal.now += hours(100);
  const refused = { code: "FailedPrecondition", message: /delete project acme first/ };
  await expect(mortal.remove("acme", "passed-over")).rejects.toMatchObject(refused);
  expect(await mortal.state("acme")).toMatchObject({ state: "creating" });
});

test("deleting twice is deleting once, and what is being deleted is not described any more", async () => {
  const mortal = await Mortal.born();
  const tenant = await mortal.make();
  await mortal.remove("acme");
  await mortal.remove("acme");
  const described = mortal.projects.describe({ actor: ALICE, project: "acme", description: "no" });
  await expect(described).rejects.toMatchObject({ code: "FailedPrecondition" });
  const history = await mortal.store.read((view) => view.changes(tenant, 0, 100));
  expect(history.map(({ operation }) => operation)).toEqual(["create", "update"]);
});

test("the name of a project that is gone is free, its UUID never is again", async () => {
  const mortal = await Mortal.born();
  const tenant = await mortal.make();
  await expect(mortal.make()).rejects.toMatchObject({ code: "AlreadyExists", message: "project acme already exists" });
  await mortal.remove("acme");
  await mortal.advance(tenant);
  const again = mortal.authority.createTenant({ actor: "operator:local", id: tenant, name: "acme" });
  await expect(again).rejects.toMatchObject({ code: "FailedPrecondition", message: /was the project acme/ });
  expect(await mortal.make()).not.toBe(tenant);
});

test("why a project does not get on is in its status, and it gets on when that is mended", async () => {
  const mortal = await Mortal.born();
  const tenant = await mortal.make();
  const broken = mortal.authority.createIn;
  mortal.authority.createIn = async () => {
    throw new TypeError("no such luck");
  };
  await expect(mortal.advance(tenant)).rejects.toThrow("no such luck");
  expect((await mortal.state("acme"))?.standing).toMatchObject({
    ...{ indicator: "STATUS_INDICATION_ERROR", message: "Project acme CREATE: no such luck" },
  });
  mortal.authority.createIn = broken;
  await mortal.advance(tenant);
  expect((await mortal.state("acme"))?.standing).toMatchObject({ indicator: "STATUS_INDICATION_IDLE" });
});
