import { writeFileSync } from "node:fs";
import { siteScope } from "@holdfast/protocol/feed";
import { atLeast, type Benchmark, type Run } from "./benchmark.ts";
import { startWorker } from "./processes.ts";
import { type Listening, startHub } from "./programs.ts";
import { alternate, median, ratioOf } from "./rounds.ts";
import { type SeededHub, seededHub } from "./seed.ts";
import { figure } from "./shown.ts";
import type { Replicated } from "./workers/site.ts";

/** As many as the hub puts into one answer. */
const PAGE = 1_000;

interface Synced {
  readonly home: string;
  readonly rowsPerSecond: number;
  readonly longestStall: number;
}

export const initialSync: Benchmark = {
  name: "initial-sync",
  about: "a site's first slice, from the hub's shape into its replica, against raw upserts",
  async run(run) {
    const hosts = run.size === "quick" ? 5_000 : 100_000;
    const seed = await seededHub(run, { sites: 1, hosts });
    await using hub = await startHub(seed.home);
    const measured = await alternate(run.size === "quick" ? 1 : 3, {
      peer: () => upserted(run, seed),
      ours: () => synced(run, { seed, hub, hosts }),
    });
    const rate = (side: readonly Synced[]) => median(side.map(({ rowsPerSecond }) => rowsPerSecond));
    const whole: Synced[] = [];
    for (const { home } of measured.ours) whole.push(await copied(run, home));
    const stall = figure(median(measured.ours.map(({ longestStall }) => longestStall / 1_000)));
    const ours = { unit: "rows/s", value: rate(measured.ours) };
    return [
      {
        ...ours,
        name: "initial-sync",
        what: `initial sync of ${hosts} hosts, from the start of a site-node until all are shown`,
        more: `does nothing else for up to ${stall} s`,
        peer: `raw upsert of the feed's rows, ${PAGE} a transaction`,
        peerValue: rate(measured.peer),
        ratio: ratioOf(measured, ({ rowsPerSecond }) => rowsPerSecond),
        goal: atLeast(0.5),
      },
      {
        ...ours,
        name: "initial-sync/all-writes",
        what: "the same, against all that a replica writes",
        peer: "raw inserts into the feed's table and the hosts' with their indexes",
        peerValue: rate(whole),
        ratio: ratioOf({ peer: whole, ours: measured.ours }, ({ rowsPerSecond }) => rowsPerSecond),
        goal: atLeast(0.5),
      },
    ];
  },
};

async function upserted(run: Run, { home, sites }: SeededHub): Promise<Synced> {
  await using raw = await startWorker("raw-sqlite", { hubDatabase: `${home}/hub.db` });
  const upsert = { path: `${run.folder("raw")}/raw.db`, scope: siteScope(sites[0]?.id ?? ""), page: PAGE };
  const { milliseconds, rows } = await raw.ask<{ milliseconds: number; rows: number }>("upsertFeed", upsert);
  return { home, rowsPerSecond: (rows * 1_000) / milliseconds, longestStall: 0 };
}

async function copied(run: Run, home: string): Promise<Synced> {
  await using raw = await startWorker("raw-sqlite", { hubDatabase: "" });
  const copy = { from: `${home}/site.db`, path: `${run.folder("raw")}/raw.db`, page: PAGE };
  const { milliseconds, rows } = await raw.ask<{ milliseconds: number; rows: number }>("copyReplica", copy);
  return { home, rowsPerSecond: (rows * 1_000) / milliseconds, longestStall: 0 };
}

interface Syncing {
  readonly seed: SeededHub;
  readonly hub: Listening;
  readonly hosts: number;
}

async function synced(run: Run, { seed, hub, hosts }: Syncing): Promise<Synced> {
  const home = run.folder("site");
  const [site] = seed.sites;
  if (!site) throw new Error("the hub has no site");
  writeFileSync(`${home}/token`, site.token, { mode: 0o600 });
  run.tell(`a new site-node takes ${hosts} hosts`);
  await using node = await startWorker("site", { home, hubUrl: hub.url, siteId: site.id });
  const { milliseconds, longestStall } = await node.ask<Replicated>("replicated", hosts);
  return { home, rowsPerSecond: (hosts * 1_000) / milliseconds, longestStall };
}
