import { Host, Instance, type Kind, Site } from "@holdfast/protocol";
import { beforeEach, describe, expect, test } from "vitest";
import type { Comparison, Condition } from "../condition.ts";
import type { ListQuery, Store } from "../contract.ts";
import { insert, type NewPlace, openWithTenants, resource, TENANT } from "./fixture.ts";

const GREEN = "STATUS_INDICATION_IDLE";
const NONE = "STATUS_INDICATION_UNSPECIFIED";
const SEEN = { hostStatus: "Running", hostStatusIndicator: GREEN, currentPowerState: "POWER_STATE_ON" };
const SINCE = Date.parse("2026-11-23T08:00:00Z");
const [SILENT, SILENT_TOO, HEARD] = ["site-00000001", "site-00000002", "site-00000003"];
const silent = new Map([
  [SILENT, SINCE],
  [SILENT_TOO, SINCE + 60_000],
]);

/** Green hosts: `a` and `b` of silent sites, `c` of one that is heard, `d` of nobody, `e` taken over from a silent one. */
async function populate(store: Store): Promise<void> {
  for (const site of [SILENT, SILENT_TOO, HEARD]) await insert(store, Site, resource(Site, site.slice(-8)));
  for (const [id, owner, observedBy] of [
    ["0000000a", SILENT, SILENT],
    ["0000000b", SILENT_TOO, SILENT_TOO],
    ["0000000c", HEARD, HEARD],
    ["0000000e", HEARD, SILENT],
  ] as const) {
    await insert(store, Host, resource(Host, id, SEEN, { owner, observedBy, observedAt: 1 }));
  }
  await insert(store, Host, resource(Host, "0000000d", SEEN));
  const running = { hostID: "host-0000000a", instanceStatus: "Running", instanceStatusIndicator: GREEN };
  const owned = { owner: SILENT, observedBy: SILENT, observedAt: 1 };
  await insert(store, Instance, resource(Instance, "0000000a", running, owned));
}

/** Rule 13: what is asked sees what is shown. */
/** What is asked of one tenant. */
type Within = Omit<ListQuery, "tenant">;

export function silentSitesConformance(newPlace: NewPlace): void {
  describe("lists while sites are silent", () => {
    let store: Store;
    beforeEach(async () => {
      store = await openWithTenants(newPlace);
      await populate(store);
    });

    async function listed(query: Within, kind: Kind = Host): Promise<string> {
      const { resources } = await store.read((view) => view.list(kind, { tenant: TENANT, silent, ...query }));
      return resources.map((each) => each.resourceId.slice(-1)).join("");
    }

    const compare = (path: string, operator: Comparison, value: string): Condition => {
      return { is: "compare", path: path.split("."), operator, value };
    };

    test.each<[string, Condition, string, Kind?]>([
      ["no indicator of theirs is found by its last colour", compare("hostStatusIndicator", "equal", GREEN), "cd"],
      ["all are found among those that say nothing", compare("hostStatusIndicator", "equal", NONE), "abe"],
      ["no power state of theirs is known", compare("currentPowerState", "equal", "POWER_STATE_ON"), "cd"],
      ["their status is found by the text that is shown", compare("hostStatus", "contains", "unknown since"), "abe"],
      ["with the time of each site", compare("hostStatus", "contains", "2026-11-23T08:01:00Z"), "b"],
      ["and not by its last text", compare("hostStatus", "contains", "Running"), "cd"],
      ["not either by what it is not", compare("hostStatus", "not-equal", "Running"), "abe"],
      ["a status that nobody knows is one", { is: "has", path: ["hostStatus"] }, "abcde"],
      ["through the instance of a host", compare("instance.instanceStatus", "contains", "Running"), ""],
      ["through the host of an instance", compare("host.hostStatusIndicator", "equal", GREEN), "", Instance],
      ["its status too", compare("host.hostStatus", "contains", "Unknown since"), "a", Instance],
      ["what operators want is what it was", compare("instance.hostID", "equal", "host-0000000a"), "a"],
      ["their hosts can be asked for", { is: "unseen", path: [] }, "abe"],
      ["and left out", { is: "not", of: { is: "unseen", path: [] } }, "cd"],
      ["instances by their hosts", { is: "unseen", path: ["host"] }, "a", Instance],
      ["hosts by their instances", { is: "unseen", path: ["instance"] }, "a"],
    ])("%s", async (_, where, found, kind) => {
      expect(await listed({ where }, kind)).toBe(found);
    });

    test("order is by what is shown, and the count is of what is found", async () => {
      expect(await listed({ orderBy: [{ field: "hostStatus", descending: true }] })).toBe("baecd");
      expect(await listed({ orderBy: [{ field: "currentPowerState", descending: true }] })).toBe("abecd");
      const where = compare("hostStatusIndicator", "equal", NONE);
      const page = await store.read((view) => view.list(Host, { tenant: TENANT, silent, where, limit: 1 }));
      expect(page.total).toBe(3);
    });

    test("a machine that went from one silent site to another is unknown since the first fell silent", async () => {
      const owned = { owner: SILENT_TOO, observedBy: SILENT, observedAt: 1 };
      await insert(store, Host, resource(Host, "0000000f", SEEN, owned));
      expect(await listed({ where: compare("hostStatus", "contains", "2026-11-23T08:00:00Z") })).toBe("aef");
    });

    test("resources come as they are stored, and nothing is unseen when no site is silent", async () => {
      const { resources } = await store.read((view) => view.list(Host, { tenant: TENANT, silent, limit: 1 }));
      expect(resources[0]?.fields).toMatchObject(SEEN);
      for (const none of [{ silent: new Map() }, {}]) {
        const query = { tenant: TENANT, ...none, where: { is: "unseen", path: [] } } as const;
        expect((await store.read((view) => view.list(Host, query))).total).toBe(0);
      }
      expect(await listed({ silent: new Map(), where: compare("hostStatus", "equal", "Running") })).toBe("abcde");
    });

    test("thousands of silent sites are asked for in one statement", async () => {
      const many = Array.from({ length: 5_000 }, (_, at) => `site-${(at + 16).toString(16).padStart(8, "0")}`);
      const all = new Map([...silent, ...many.map((site) => [site, SINCE] as const)]);
      const where = compare("hostStatus", "contains", "Unknown");
      expect(await listed({ silent: all, where })).toBe("abe");
    });
  });
}
