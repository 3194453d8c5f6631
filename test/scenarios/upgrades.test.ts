import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { silentLog } from "@holdfast/runtime";
import { describe, expect, onTestFinished, test } from "vitest";
import { damageIn, KEPT, type Kept, layDatabase, shapeOf } from "../databases/kept.ts";
import { WorldClock } from "../world/clock.ts";
import { eventually } from "../world/eventually.ts";
import { WorldHub } from "../world/hub.ts";
import { WorldSite } from "../world/site.ts";

const PROJECT = "/v1/projects/default";
const HOSTS = `${PROJECT}/compute/hosts`;

/** The programs of today in homes that those of a version left behind. */
function left(version: number, { operator, siteToken, site: id }: Kept) {
  const folder = mkdtempSync(`${tmpdir()}/holdfast-upgrade-`);
  const surroundings = { clock: new WorldClock(), log: silentLog };
  const hub = new WorldHub(`${folder}/hub`, surroundings);
  const facts = { name: "oslo", project: "default", id, token: siteToken };
  const site = new WorldSite(facts, `${folder}/site`, hub, surroundings);
  onTestFinished(async () => {
    await site.stop();
    await hub.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  const databases = { hub: `${folder}/hub/hub.db`, site: `${folder}/site/site.db` };
  layDatabase(databases.hub, "hub", version);
  layDatabase(databases.site, "site", version);
  writeFileSync(`${folder}/hub/operator-token`, operator, { mode: 0o600 });
  return { hub, site, databases, folder };
}

describe.each([...KEPT])("homes of version %i", (version, kept) => {
  const { hosts } = kept;

  test("the hub goes on with all that it held, and shows what was in conflict", async () => {
    const { hub, databases } = left(version, kept);
    await hub.start();
    expect(await hub.host("default", hosts.first)).toMatchObject({
      name: "the first",
      metadata: [{ key: "rack", value: "7" }],
      instance: { name: "on the first" },
      hostStatus: expect.stringMatching(/^Unknown since/),
      observation: { site: kept.site, stale: true },
    });
    expect((await hub.hosts("default")).map(({ resourceId }) => resourceId).sort()).toEqual(
      [hosts.first, hosts.spare, hosts.twin].sort(),
    );
    const { conflicts } = await hub.ask("GET", `${PROJECT}/conflicts`);
    expect(conflicts).toMatchObject([{ resourceId: hosts.twinAtSite, field: null, values: [{}, { by: kept.site }] }]);
    expect(await hub.ask("GET", `${PROJECT}/holds`)).toEqual({ holds: [] });
    await hub.stop();
    expect(damageIn(databases.hub)).toEqual([]);
  });

  test("the site goes on alone with all that it held, and with what it still has to say", async () => {
    const { hub, site, databases } = left(version, kept);
    await hub.start();
    site.wan.cut();
    await site.start();
    expect(await site.hostIds()).toEqual(
      expect.arrayContaining([hosts.first, hosts.spare, hosts.twinAtSite, hosts.third]),
    );
    const { unsent, phase, hold, hosts: held } = await site.status();
    expect({ phase, hold, held: held.held }).toEqual({ phase: { is: "settled" }, hold: null, held: 4 });
    expect(unsent.entries).toBeGreaterThan(0);
    await site.stop();
    expect(damageIn(databases.site)).toEqual([]);
  });

  test("together they meet, and the site lets in operators that it never knew", async () => {
    const { hub, site } = left(version, kept);
    await hub.start();
    await site.start();
    await site.node.caughtUp();
    expect(await hub.host("default", hosts.third)).toMatchObject({ site: { resourceId: kept.site } });
    const { entries } = await hub.ask("GET", `${PROJECT}/sites/${kept.site}/quarantine`);
    for (const { entry } of entries) expect(String(entry)).toContain(hosts.twinAtSite);
    await site.ask("PATCH", `${HOSTS}/${hosts.first}`, { name: "named at the site" });
    await hub.ask("PATCH", `${HOSTS}/${hosts.third}`, { name: "named at the hub" });
    await eventually(async () => {
      expect(await hub.host("default", hosts.first)).toMatchObject({ name: "named at the site" });
      expect(await site.host(hosts.third)).toMatchObject({ name: "named at the hub" });
    });
    expect((await site.ask("GET", `${PROJECT}/conflicts`)).totalElements).toBe(1);
  });

  test("their databases are afterwards as new ones are: no released migration has changed", async () => {
    const { hub, site, databases, folder } = left(version, kept);
    const fresh = new WorldHub(`${folder}/fresh`, { clock: new WorldClock(), log: silentLog });
    await fresh.start();
    await fresh.stop();
    await hub.start();
    await site.start();
    await site.loseDisk();
    await site.stop();
    const freshSite = shapeOf(databases.site);
    rmSync(databases.site);
    layDatabase(databases.site, "site", version);
    await site.start();
    await site.stop();
    await hub.stop();
    expect(shapeOf(databases.hub)).toEqual(shapeOf(`${folder}/fresh/hub.db`));
    expect(shapeOf(databases.site)).toEqual(freshSite);
  });
});
