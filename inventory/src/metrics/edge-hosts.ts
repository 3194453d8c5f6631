import { familyHead, familyText, labelsText, type MetricSample, nextTurn } from "@holdfast/runtime";
import type { Store, View } from "../store/contract.ts";
import { type Scheduled, scheduledNow } from "./scheduled-now.ts";

/** Whose machines, and what is known beside the inventory. */
export interface EdgeHostsQuery {
  /** Ids of the projects. */
  readonly tenants: readonly string[];
  /** Whether a site is silent: how its machines are is then unknown. */
  readonly isSilent: (site: string) => boolean;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** The texts of which a series tells whether they stand: those of EIM's exporter, under its labels. */
const STATUSES = [
  {
    name: "edge_host_status",
    help: "Whether a host has a status; one series for each known status.",
    label: "status",
    field: "host",
    texts: ["", "Unknown", "No Connection", "Running", "Error", "Invalidating", "Invalidated", "Deleting"],
  },
  {
    name: "edge_host_provisioning_status",
    help: "Whether a host's instance has a provisioning status; one series for each known status.",
    label: "provisioningStatus",
    field: "provisioning",
    texts: ["Unknown", "Provisioning In Progress", "Provisioning Failed", "Provisioned"],
  },
  {
    name: "edge_host_onboarding_status",
    help: "Whether a host has an onboarding status; one series for each known status.",
    label: "onboardingStatus",
    field: "onboarding",
    texts: ["Onboarded", "Onboarding Failed", "Device initialized", "Device initialization failed"],
  },
  {
    name: "edge_host_update_status",
    help: "Whether a host's instance has an update status; one series for each known status.",
    label: "updateStatus",
    field: "update",
    texts: ["Unknown", "Updating", "Update completed", "Update failed", "No new updates available"],
  },
] as const;

const SCHEDULE = {
  name: "edge_host_schedule",
  help: "Whether a time is set aside now for a host, its site or a region that it is in.",
} as const;

const UNREADABLE = {
  name: "holdfast_schedules_unreadable",
  help: "Schedules of a project that this version cannot read, and that set no time aside therefore.",
} as const;

/** A host with what does not change from family to family: its labels as text, and which text of each family stands. */
interface Line {
  readonly labels: string;
  readonly host: number;
  readonly provisioning: number;
  readonly onboarding: number;
  readonly update: number;
  readonly isScheduled: boolean;
}

const PAGE_ROWS = 500;
const CHUNK_HOSTS = 200;

/**
 * The series of EIM's exporter, in Prometheus' text format. Read page by page and given out in pieces, with a turn of the
 * event loop between: a hundred thousand hosts hold nobody up, and cost some hundred bytes each meanwhile.
 */
export async function* edgeHosts(store: Pick<Store, "read">, query: EdgeHostsQuery): AsyncGenerator<string> {
  const lines: Line[] = [];
  const unreadable: MetricSample[] = [];
  for (const tenant of query.tenants) {
    const scheduled = await store.read((view) => scheduledNow(view, tenant, query.now));
    unreadable.push({ labels: { project: tenant }, value: scheduled.unreadable });
    for await (const page of pagesOf(store, tenant, { query, scheduled })) lines.push(...page);
  }
  for (const { name, help, label, field, texts } of STATUSES) {
    yield familyHead({ name, help, type: "gauge" });
    const ends = texts.map((text) => labelsText({ [label]: text }).slice(1));
    yield* chunks(lines, (line) =>
      ends.map((end, at) => `${name}{${line.labels},${end} ${line[field] === at ? 1 : 0}\n`).join(""),
    );
  }
  yield familyHead({ ...SCHEDULE, type: "gauge" });
  yield* chunks(lines, (line) => `${SCHEDULE.name}{${line.labels}} ${line.isScheduled ? 1 : 0}\n`);
  yield familyText({ ...UNREADABLE, type: "gauge", samples: unreadable });
}

async function* chunks(lines: readonly Line[], textOf: (line: Line) => string): AsyncGenerator<string> {
  for (let at = 0; at < lines.length; at += CHUNK_HOSTS) {
    yield lines
      .slice(at, at + CHUNK_HOSTS)
      .map(textOf)
      .join("");
    await nextTurn();
  }
}

interface Row {
  readonly id: string;
  readonly uuid: string | null;
  readonly name: string | null;
  readonly hostname: string | null;
  readonly serial: string | null;
  readonly owner: string | null;
  readonly site: string | null;
  readonly host: string | null;
  readonly onboarding: string | null;
  readonly provisioning: string | null;
  readonly update: string | null;
}

const HOSTS = `select host.resource_id as id, host.uuid, host.name, host.hostname, host.serial_number as serial,
    host.owner_site as owner, host.site_id as site, host.host_status as host, host.onboarding_status as onboarding,
    instance.provisioning_status as provisioning, instance.update_status as "update"
  from host left join instance on instance.tenant_id = host.tenant_id and instance.host_id = host.resource_id
  where host.tenant_id = ? and host.resource_id > ? order by host.resource_id limit ${PAGE_ROWS}`;

interface Knowing {
  readonly query: EdgeHostsQuery;
  readonly scheduled: Scheduled;
}

async function* pagesOf(store: Pick<Store, "read">, tenant: string, knowing: Knowing): AsyncGenerator<Line[]> {
  for (let after = ""; ; ) {
    const rows = await store.read((view: View) => view.rows<Row>(HOSTS, [tenant, after]));
    yield rows.map((row) => lineOf(row, tenant, knowing));
    after = rows.at(-1)?.id ?? "";
    if (rows.length < PAGE_ROWS) return;
    await nextTurn();
  }
}

function lineOf(row: Row, tenant: string, { query, scheduled }: Knowing): Line {
  const { id, uuid, name, hostname, serial, owner, site } = row;
  const known = { hostID: id, deviceGuid: uuid ?? "", name: name ?? "", hostname: hostname ?? "" };
  const status = owner !== null && query.isSilent(owner) ? "Unknown" : row.host;
  return {
    labels: labelsText({ ...known, serial: serial ?? "", projectId: tenant }).slice(1, -1),
    host: STATUSES[0].texts.indexOf((status ?? "") as ""),
    provisioning: STATUSES[1].texts.indexOf(row.provisioning as "Unknown"),
    onboarding: STATUSES[2].texts.indexOf(row.onboarding as "Onboarded"),
    update: STATUSES[3].texts.indexOf(row.update as "Unknown"),
    isScheduled: scheduled.holds(id, site),
  };
}
