import { createHub } from "@holdfast/hub";
import { HubConfig } from "@holdfast/hub/config";
import { readConfig, silentLog, systemClock } from "@holdfast/runtime";
import { differences } from "@holdfast/test/returning/account";
import { backlogOf, type Told } from "@holdfast/test/returning/backlog";
import { ReturningSite } from "@holdfast/test/returning/site";
import { observedOf } from "../observed-host.ts";
import type { SeededSite } from "../seed.ts";
import { serve } from "./serve.ts";

interface Options {
  readonly hubUrl: string;
  readonly sites: readonly SeededSite[];
}

export interface AllDrained {
  readonly seconds: number;
  readonly entries: number;
  readonly poison: number;
  /** How often a site was told to come back later. */
  readonly sentAway: number;
  /** Of the sites' own times from their return to their last acknowledgement, in seconds. */
  readonly siteSeconds: readonly number[];
}

const RENAMED = 30;
const EVENTS = 100;
const DETAIL = 200;
/** The others of a site come to 99 times as many. */
const GOOD_FOR_EACH_POISON = 99;
const CONNECTING_AT_ONCE = 32;

/** Sites that are away for a month, all at once, and come back at once. */
serve(async ({ hubUrl, sites: seeded }: Options) => {
  const sites = seeded.map(({ id, token }) => ({
    site: new ReturningSite({ hubUrl, id, token }),
    told: [] as Told[],
  }));

  async function connectAll(atOnce: number): Promise<void> {
    const left = [...sites];
    const connect = async () => {
      for (let next = left.pop(); next; next = left.pop()) await next.site.connect();
    };
    await Promise.all(Array.from({ length: atOnce }, connect));
  }

  return {
    connect: () => connectAll(CONNECTING_AT_ONCE),
    leave() {
      for (const { site } of sites) site.disconnect();
    },
    /** All come back at once and send what has gathered. */
    async return(): Promise<AllDrained> {
      const from = performance.now();
      const drained = await Promise.all(
        sites.map(async ({ site, told }, place) => {
          await site.connect();
          const hosts = [...site.hosts.values()];
          const good = hosts.length + Math.min(RENAMED, hosts.length) + EVENTS;
          const poison =
            Math.floor(((place + 1) * good) / GOOD_FOR_EACH_POISON) - Math.floor((place * good) / GOOD_FOR_EACH_POISON);
          const number = told.length + 1;
          const what = { site: site.id, number, hosts, renamed: RENAMED, events: EVENTS, detail: DETAIL, poison };
          const backlog = backlogOf({ ...what, observed: observedIn(number) });
          told.push(backlog.told);
          return { ...(await site.drain(backlog.entries)), ...backlog.told };
        }),
      );
      const sum = (numbers: readonly number[]) => numbers.reduce((all, each) => all + each, 0);
      return {
        seconds: (performance.now() - from) / 1_000,
        entries: sum(drained.map(({ entries }) => entries)),
        poison: sum(drained.map(({ poison }) => poison)),
        sentAway: sum(drained.map(({ sentAway }) => sentAway)),
        siteSeconds: drained.map(({ took }) => took / 1_000),
      };
    },
    /** What of all that was sent is not at the hub once and once only, looked up when the hub is closed. */
    async differences({ home, tenant }: { home: string; tenant: string }): Promise<readonly string[]> {
      const config = readConfig(HubConfig, { arguments: ["--home", home, "--hub-port", "0"], environment: {} });
      const hub = await createHub(config, { clock: systemClock, log: silentLog });
      try {
        const found: string[] = [];
        for (const { site, told } of sites) {
          const sent = { site: site.id, tenant, hosts: [...site.hosts.values()], told };
          found.push(...(await hub.store.read((view) => differences(view, sent))));
        }
        return found;
      } finally {
        await hub.close();
      }
    },
  };
});

/** Each absence changes what is observed of a host. */
function observedIn(absence: number) {
  return (host: number) => ({ ...observedOf(host), hostname: `edge-${host}-${absence}` });
}
