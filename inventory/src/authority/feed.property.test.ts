import {
  type FeedScope,
  Host,
  Instance,
  KINDS,
  type Resource,
  SingleSchedule,
  siteScope,
  tenantScope,
} from "@holdfast/protocol";
import { Fault } from "@holdfast/runtime";
import fc from "fast-check";
import { expect, test } from "vitest";
import { EVERY_TENANT } from "../store/contract.ts";
import { bodyOf, scopeOf } from "./feed-rows.ts";
import { followedBy } from "./following.ts";
import { Harness, TENANT } from "./harness.ts";

const DOES = [
  "add host",
  "add instance",
  "add schedule",
  "aim",
  "rename",
  "place",
  "delete",
  "let go",
  "claim",
  "report",
] as const;

/** One thing that operators or sites may do; numbers pick whom it meets. */
interface Act {
  readonly does: (typeof DOES)[number];
  readonly which: number;
  readonly site: number;
}

const acts = fc.array(
  fc.record<Act>({
    does: fc.constantFrom(...DOES),
    which: fc.nat(7),
    site: fc.nat(2),
  }),
  { minLength: 5, maxLength: 40 },
);

/** A follower of one scope: applies pages in order. */
class Follower {
  readonly rows = new Map<string, unknown>();
  readonly scope: FeedScope;
  at = 0;

  constructor(scope: FeedScope) {
    this.scope = scope;
  }

  async follow(hub: Harness, limit: number): Promise<boolean> {
    const { rows, head } = await hub.store.read((view) => view.feed(this.scope, this.at, limit));
    for (const { id, body, seq } of rows) {
      if (body === null) this.rows.delete(id);
      else this.rows.set(id, JSON.parse(body));
      this.at = seq;
    }
    return this.at < head;
  }
}

async function act(hub: Harness, { does, which, site }: Act, sites: readonly Resource[]): Promise<void> {
  const at = sites[site]?.resourceId ?? null;
  const resources = await hub.store.read(async (view) => [
    ...(await view.list(Host, { tenant: EVERY_TENANT })).resources,
    ...(await view.list(Instance, { tenant: EVERY_TENANT })).resources,
    ...(await view.list(SingleSchedule, { tenant: EVERY_TENANT })).resources,
  ]);
  const met = resources[which % Math.max(resources.length, 1)] as Resource | undefined;
  if (does === "add host") await hub.host({ siteId: at });
  else if (met) await meet(hub, does, { met, at, which, hosts: resources.filter(isHost) });
}

const isHost = ({ resourceId }: Resource) => resourceId.startsWith("host-");

interface Meeting {
  readonly met: Resource;
  readonly at: string | null;
  readonly which: number;
  readonly hosts: readonly Resource[];
}

async function meet(hub: Harness, does: Exclude<Act["does"], "add host">, meeting: Meeting): Promise<void> {
  const { met, at, which, hosts } = meeting;
  const owner = met.owner ?? "";
  switch (does) {
    case "add instance":
      await hub.instance(met);
      break;
    case "add schedule": {
      const when = { scheduleStatus: "SCHEDULE_STATUS_MAINTENANCE", startSeconds: 2_000_000_000 };
      await hub.add(SingleSchedule, {
        ...when,
        ...(isHost(met) ? { targetHostId: met.resourceId } : { targetSiteId: at }),
      });
      break;
    }
    case "aim": {
      const host = hosts[(which + 1) % Math.max(hosts.length, 1)];
      await hub.set(
        met,
        at === null ? { targetHostId: host?.resourceId, targetSiteId: null } : { targetHostId: null, targetSiteId: at },
      );
      break;
    }
    case "rename":
      await hub.set(met, { name: `name ${which} ${at}` });
      break;
    case "place":
      await hub.set(met, { siteId: at });
      break;
    case "delete":
      await hub.remove(met);
      break;
    case "let go":
      await hub.release(met, owner, "deleted");
      await hub.release(met, owner, "moved");
      break;
    case "claim":
      await hub.edit(met, at ?? "", { field: "siteId", value: at, base: "", write: `claim ${which}` });
      break;
    case "report":
      await hub.observe(met, owner, {});
      break;
  }
}

/** What every scope should show, told from the resources themselves. */
async function truth(hub: Harness): Promise<Map<FeedScope, Record<string, unknown>>> {
  const shown = new Map<FeedScope, Record<string, unknown>>();
  for (const kind of KINDS) {
    const { resources } = await hub.store.read((view) => view.list(kind, { tenant: EVERY_TENANT }));
    for (const resource of resources) {
      const scope = scopeOf(kind, resource);
      const rows = shown.get(scope) ?? {};
      shown.set(scope, rows);
      rows[resource.resourceId] = JSON.parse(JSON.stringify(bodyOf(kind, resource)));
    }
  }
  return shown;
}

test("whatever operators and sites do, whoever follows a feed ends with what is so in that scope", async () => {
  const property = fc.asyncProperty(acts, fc.infiniteStream(fc.nat(5)), async (history, cuts) => {
    await using hub = await Harness.open();
    const sites = [await hub.site("Oslo"), await hub.site("Bergen")];
    const scopes = [tenantScope(TENANT), ...sites.map((site) => siteScope(site.resourceId))];
    const followers = scopes.map((scope) => new Follower(scope));
    for (const each of history) {
      await act(hub, each, sites).catch((error: unknown) => {
        if (!(error instanceof Fault)) throw error;
      });
      for (const follower of followers) {
        const limit = cuts.next().value ?? 0;
        if (limit > 0) await follower.follow(hub, limit);
      }
    }
    const expected = await truth(hub);
    for (const follower of followers) {
      while (await follower.follow(hub, 2));
      follower.rows.delete(TENANT);
      expect(Object.fromEntries(follower.rows), follower.scope).toEqual(expected.get(follower.scope) ?? {});
    }
    await hub.store.write(async (tx) => {
      for (const kind of [Instance, SingleSchedule]) {
        for (const resource of (await tx.list(kind, { tenant: EVERY_TENANT })).resources) {
          const followed = (await followedBy(tx, kind, resource))?.resource;
          expect(resource.owner, `${resource.resourceId} is its host's site's`).toBe(followed?.owner);
        }
      }
    });
  });
  await fc.assert(property, { numRuns: 60, endOnFailure: true, seed: 1 });
}, 60_000);
