import { costOf, type ReadFigures } from "./api-reads.ts";
import { type Answer, type Selection, type Statement, statementsFor } from "./bare-statements.ts";
import { atMost, type Benchmark, type Row, type Run } from "./benchmark.ts";
import { figuresOf, startWorker, type Worker } from "./processes.ts";
import { type Listening, startHub } from "./programs.ts";
import { alternate, type Rounds } from "./rounds.ts";
import { PROJECT, type SeededHub, seededHub } from "./seed.ts";
import type { BareList } from "./workers/bare-lists.ts";
import type { LoadAnswer } from "./workers/http-load.ts";

/** A list that EIM's CLI asks for, and what somebody would read for it by hand. */
interface CliList {
  readonly name: string;
  readonly what: string;
  /** Below the project's path. */
  readonly path: string;
  readonly selections: readonly (Selection | Statement)[];
}

export const cliLists: Benchmark = {
  name: "cli-lists",
  about: "each list that EIM's CLI asks for, against hand-written SQL and the same JSON over node:http",
  async run(run) {
    const quick = run.size === "quick";
    const size = quick ? { sites: 100, hosts: 10_000 } : { sites: 1_000, hosts: 100_000 };
    const seed = await seededHub(run, { ...size, project: "in use" });
    await using hub = await startHub(seed.home);
    const rows: Row[] = [];
    for (const list of listsOf(seed)) {
      run.tell(list.name);
      const measured = await measure(list, { seed, hub, run });
      const about = { name: `cli-lists/${list.name}`, what: `${list.what}, 8 connections`, peer: "hand-written" };
      rows.push({ ...about, ...costOf(measured), goal: atMost(2) });
    }
    return rows;
  },
};

async function measure(
  { path, selections }: CliList,
  { seed, hub, run }: { seed: SeededHub; hub: Listening; run: Run },
): Promise<Rounds<ReadFigures>> {
  const quick = run.size === "quick";
  const asked = `/v1/projects/${PROJECT}/${path}`;
  const headers = { authorization: `Bearer ${seed.operatorToken}` };
  const response = await fetch(`${hub.url}${asked}`, { headers });
  if (!response.ok) throw new Error(`${asked}: ${response.status} ${await response.text()}`);
  const answer = (await response.json()) as Answer;
  const lists: readonly BareList[] = [{ statements: statementsFor(seed.tenant, selections, answer), answer }];
  await using bare = await startWorker("bare-lists", { database: `${seed.home}/hub.db`, lists });
  await using load = await startWorker("http-load", { connections: 8 });
  const barePort = await bare.ask<number>("port");
  const seconds = quick ? 0.5 : 2;
  const ask = (pid: number, given: object) => loaded(load, pid, { ...given, seconds });
  return await alternate(quick ? 2 : 3, {
    peer: () => ask(bare.pid, { port: barePort, paths: ["/0"], headers: {} }),
    ours: () => ask(hub.pid, { port: Number(new URL(hub.url).port), paths: [asked], headers }),
  });
}

async function loaded(load: Worker, pid: number, given: object): Promise<ReadFigures> {
  const before = figuresOf(pid).cpuSeconds;
  const { requests, perSecond } = await load.ask<LoadAnswer>("load", given);
  return { perSecond, cpu: ((figuresOf(pid).cpuSeconds - before) * 1_000) / requests };
}

const PAGE = 100;

const HOST_FAILS = failing("host", [
  "host_status",
  "onboarding_status",
  "registration_status",
  "power_status",
  "amt_status",
]);
const INSTANCE_FAILS = failing("instance", [
  ...["instance_status", "provisioning_status", "update_status", "trusted_attestation_status"],
]);

/** A machine fails when any of its statuses does, and does not run when it fails. */
const SUMMARY = [
  `select count(*), sum(coalesce(site_id, '') = ''), sum(${HOST_FAILS}) from host where tenant_id = ?`,
  `select sum(${INSTANCE_FAILS} and not ${HOST_FAILS}),
      sum(instance.current_state = 'INSTANCE_STATE_RUNNING' and not ${INSTANCE_FAILS} and not ${HOST_FAILS})
    from instance join host on host.tenant_id = instance.tenant_id and host.resource_id = instance.host_id
    where instance.tenant_id = ?`,
];

function failing(table: string, statuses: readonly string[]): string {
  const fails = statuses.map((status) => `coalesce(${table}.${status}_indicator, '') = 'STATUS_INDICATION_ERROR'`);
  return `(${fails.join(" or ")})`;
}

function listsOf(seed: SeededHub): CliList[] {
  return [...listsOfHosts(seed), ...listsOfPlaces(seed), ...listsOfTheRest(seed)];
}

function listsOfHosts({ tenant, sites, hosts }: SeededHub): CliList[] {
  const [site = "", other = ""] = [Math.floor(sites.length / 2), 0].map((number) => sites[number]?.id);
  const far = hosts.length / 10;
  const ofHosts = (name: string, what: string, asked: Asked): CliList =>
    pageOf("compute/hosts", "host", { name, what, ...asked });
  return [
    ofHosts("hosts", `the first ${PAGE} of ${hosts.length} hosts`, {}),
    ofHosts("hosts-far", `${PAGE} hosts at offset ${far - PAGE}`, { offset: far - PAGE }),
    ofHosts("hosts-running", `${PAGE} hosts that are running, of ${hosts.length}`, {
      ...{ filter: "hostStatus='running'", where: "host_status like ?", values: ["%running%"] },
    }),
    ofHosts("hosts-of-two-sites", `${PAGE} hosts of two sites of ${sites.length}`, {
      filter: `site.resourceId='${site}' OR site.resourceId='${other}'`,
      where: "site_id in (?, ?)",
      values: [site, other],
    }),
    ofHosts(
      "host-by-identity",
      `a host by serial number and UUID, of ${hosts.length}, as after a second registration`,
      {
        filter: "serialNumber='SERIAL77777X' AND uuid='4c4c4544-2046-5310-8052-cac04f515233'",
        where: "serial_number like ? and uuid like ?",
        values: ["%serial77777x%", "%4c4c4544-2046-5310-8052-cac04f515233%"],
      },
    ),
    {
      name: "summary",
      what: `how many of ${hosts.length} hosts run, fail and are nowhere`,
      path: "compute/hosts/summary",
      selections: SUMMARY.map((sql) => ({ sql, values: [tenant] })),
    },
    pageOf("compute/instances", "instance", {
      name: "instances",
      what: `the first ${PAGE} of ${hosts.length} instances`,
    }),
    pageOf("compute/instances", "instance", {
      ...{ name: "instances-far", what: `${PAGE} instances at offset ${far - PAGE}`, offset: far - PAGE },
    }),
  ];
}

function listsOfPlaces({ sites, regions }: SeededHub): CliList[] {
  const country = regions[0] ?? "";
  const levels = ["region", "region.parent_region", "region.parent_region.parent_region"];
  const inCountry = levels.map((level) => `${level}.resource_id='${country}'`).join(" OR ");
  return [
    {
      name: "sites",
      what: `all ${sites.length} sites, without the size of a page`,
      path: "regions/region/sites",
      selections: [{ table: "site" }],
    },
    {
      name: "sites-of-region",
      what: `the sites in a region and below it, of ${sites.length}`,
      path: `regions/${country}/sites?${new URLSearchParams({ filter: inCountry })}`,
      selections: [
        {
          table: "site",
          where: "region_id = ? or region_id in (select resource_id from region where parent_id = ?)",
          values: [country, country],
        },
      ],
    },
    {
      name: "regions",
      what: `all ${regions.length} regions, with how many of ${sites.length} sites each has`,
      path: "regions?showTotalSites=true",
      selections: [
        { table: "region" },
        {
          table: "(select tenant_id, region_id, count(*) from site group by tenant_id, region_id)",
          orderBy: "region_id",
        },
      ],
    },
    {
      name: "regions-by-parent",
      what: `the regions of a region, of ${regions.length}, with how many of ${sites.length} sites each has`,
      path: `regions?${new URLSearchParams({ filter: `parent_region.resource_id='${country}'`, showTotalSites: "true" })}`,
      selections: [
        { table: "region", where: "parent_id = ?", values: [country] },
        {
          table: "(select tenant_id, region_id, count(*) from site group by tenant_id, region_id)",
          orderBy: "region_id",
        },
      ],
    },
  ];
}

function listsOfTheRest({ sites, hosts }: SeededHub): CliList[] {
  const whole = (name: string, what: string, path: string, ...tables: string[]): CliList => ({
    ...{ name, what: `${what}, without the size of a page`, path },
    selections: tables.map((table) => ({ table })),
  });
  return [
    whole("os-profiles", "all 20 operating systems", "compute/os", "operating_system"),
    whole("providers", "all 20 providers", `providers?offset=0&pageSize=${PAGE}`, "provider"),
    whole("accounts", "all 20 local accounts", "localAccounts", "local_account"),
    whole("configs", "all 20 configurations", "customConfigs", "custom_config"),
    whole("policies", "all 20 update policies", "os-update-policies", "os_update_policy"),
    whole("runs", `all ${hosts.length / 100} runs of updates`, "os-update-runs", "os_update_run"),
    {
      name: "runs-by-status",
      what: `the runs that succeeded, of ${hosts.length / 100}`,
      path: `os-update-runs?${new URLSearchParams({ filter: "status='updated'" })}`,
      selections: [{ table: "os_update_run", where: "status like ?", values: ["%updated%"] }],
    },
    whole("schedules", `all ${2 * sites.length} schedules`, "schedules", "single_schedule", "repeated_schedule"),
  ];
}

interface Asked {
  readonly filter?: string;
  readonly where?: string;
  readonly values?: readonly string[];
  readonly offset?: number;
}

function pageOf(
  collection: string,
  table: string,
  { name, what, filter, offset = 0, ...asked }: Asked & Pick<CliList, "name" | "what">,
): CliList {
  const query = new URLSearchParams({ pageSize: String(PAGE), offset: String(offset), ...(filter ? { filter } : {}) });
  return { name, what, path: `${collection}?${query}`, selections: [{ ...asked, table, limit: PAGE, offset }] };
}
