import { createServer } from "node:http";
import Database from "better-sqlite3";
import { serve } from "./serve.ts";

type Row = Record<string, string | number | null>;
type Json = Record<string, unknown>;

interface Options {
  readonly database: string;
  readonly tenant: string;
  /** A host as the hub shows it: which fields there are, and in which order. */
  readonly sample: Json;
}

const PARTS = { hostStorages: "host_storage", hostNics: "host_nic", hostUsbs: "host_usb", hostGpus: "host_gpu" };
/** What is shown of the region above one that has none. */
const NO_REGION: Json = { name: "", parentId: "", metadata: [], parentRegion: null };
/** 64 bits, shown as text. */
const WIDE = new Set(["memory_bytes", "capacity_bytes"]);

interface Field {
  readonly name: string;
  readonly column: string;
  readonly show: (stored: string | number | null) => unknown;
}

/**
 * What somebody would write who needed these answers and nothing else: node:http, prepared statements, an object for
 * each row. It knows no tokens, no errors and no other kind.
 */
serve(async ({ database, tenant, sample }: Options) => {
  const db = new Database(database, { readonly: true });
  const hostFields = fieldsOf("host", sample);
  const columns = (table: string) =>
    (db.pragma(`table_info(${table})`) as { name: string }[])
      .map(({ name }) => (WIDE.has(name) ? `cast("${name}" as text) as "${name}"` : `"${name}"`))
      .join(", ");

  function fieldsOf(table: string, shown: Json): Field[] {
    const known = new Set((db.pragma(`table_info(${table})`) as { name: string }[]).map(({ name }) => name));
    return Object.entries(shown).flatMap(([name, value]) => {
      const column = name.replace(/([a-z0-9])([A-Z])/g, "$1_$2").toLowerCase();
      return known.has(column) ? [{ name, column, show: shower(value) }] : [];
    });
  }

  const prepare = (sql: string) => db.prepare<unknown[], Row>(sql);
  const hostById = prepare(`select ${columns("host")} from host where tenant_id = ? and resource_id = ?`);
  const siteById = prepare(`select ${columns("site")} from site where tenant_id = ? and resource_id = ?`);
  const regionById = prepare(`select ${columns("region")} from region where tenant_id = ? and resource_id = ?`);
  const instanceOf = prepare(`select ${columns("instance")} from instance where tenant_id = ? and host_id = ?`);
  const partsOf = Object.entries(PARTS).map(([name, table]) => ({
    name,
    statement: prepare(`select ${columns(table)} from ${table} where tenant_id = ? and host_id = ? order by position`),
  }));
  const marks = Array.from({ length: 100 }, () => "?").join(", ");
  const partsOfMany = Object.entries(PARTS).map(([name, table]) => ({
    name,
    statement: prepare(
      `select host_id, ${columns(table)} from ${table} where tenant_id = ? and host_id in (${marks}) order by position`,
    ),
  }));
  const instancesOfMany = prepare(
    `select ${columns("instance")} from instance where tenant_id = ? and host_id in (${marks})`,
  );
  const BY_SITE = "from host where tenant_id = ? and site_id = ?";
  const BY_PRODUCT = "from host where tenant_id = ? and product_name like ?";
  const lists = {
    site: pageOf(BY_SITE, (value) => value),
    product: pageOf(BY_PRODUCT, (value) => `%${value}%`),
  };

  function pageOf(from: string, pattern: (value: string) => string) {
    const page = prepare(`select ${columns("host")} ${from} order by resource_id limit 100`);
    const count = db.prepare<unknown[], number>(`select count(*) ${from}`).pluck();
    return (value: string) => listed(page.all(tenant, pattern(value)), count.get(tenant, pattern(value)) ?? 0);
  }

  function hostJson(row: Row, parts: Readonly<Record<string, readonly Row[]>>, site: Json | null): Json {
    const host: Json = {};
    for (const { name, column, show } of hostFields) host[name] = show(row[column] ?? null);
    host.hostStorages = (parts.hostStorages ?? []).map(storageJson);
    host.hostNics = (parts.hostNics ?? []).map(nicJson);
    host.hostUsbs = [];
    host.hostGpus = [];
    Object.assign(host, { site, provider: null, inheritedMetadata: [], timestamps: timesOf(row) });
    Object.assign(host, { generation: row.generation, observedGeneration: row.observed_generation });
    const at = Number(row.observed_at);
    const ageSeconds = Math.floor((Date.now() - at) / 1_000);
    host.observation = { site: row.observed_by, at: new Date(at).toISOString(), ageSeconds, stale: false };
    host.instance = null;
    return host;
  }

  function siteJson(id: unknown): Json | null {
    const row = siteById.get(tenant, id);
    if (!row) return null;
    return {
      ...{ resourceId: row.resource_id, siteID: row.resource_id, name: row.name, regionId: row.region_id ?? "" },
      ...{ siteLat: row.site_lat ?? 0, siteLng: row.site_lng ?? 0, metadata: JSON.parse(String(row.metadata ?? "[]")) },
      region: regionJson(row.region_id),
      ...{ provider: null, inheritedMetadata: [], timestamps: timesOf(row), generation: row.generation },
    };
  }

  function regionJson(id: unknown): Json | null {
    const row = regionById.get(tenant, id);
    if (!row) return null;
    return {
      ...{ resourceId: row.resource_id, regionID: row.resource_id, name: row.name, parentId: row.parent_id ?? "" },
      ...{ metadata: JSON.parse(String(row.metadata ?? "[]")), parentRegion: NO_REGION, inheritedMetadata: [] },
      ...{ totalSites: 0, timestamps: timesOf(row), generation: row.generation },
    };
  }

  function one(id: string): Json {
    const row = hostById.get(tenant, id);
    if (!row) throw new Error(`no host ${id}`);
    const parts: Record<string, Row[]> = {};
    for (const { name, statement } of partsOf) parts[name] = statement.all(tenant, id);
    if (instanceOf.get(tenant, id)) throw new Error("this server knows no instances");
    return hostJson(row, parts, siteJson(row.site_id));
  }

  function listed(rows: readonly Row[], total: number): Json {
    const ids = rows.map((row) => row.resource_id);
    const parts = new Map<unknown, Record<string, Row[]>>(ids.map((id) => [id, {}]));
    for (const { name, statement } of partsOfMany) {
      for (const row of statement.all(tenant, ...ids)) {
        const ofHost = parts.get(row.host_id) ?? {};
        ofHost[name] ??= [];
        ofHost[name].push(row);
      }
    }
    if (instancesOfMany.all(tenant, ...ids).length > 0) throw new Error("this server knows no instances");
    const sites = new Map<unknown, Json | null>();
    for (const { site_id: site } of rows) if (!sites.has(site)) sites.set(site, siteJson(site));
    const hosts = rows.map((row) => hostJson(row, parts.get(row.resource_id) ?? {}, sites.get(row.site_id) ?? null));
    return { hosts, totalElements: total, hasNext: rows.length < total };
  }

  const server = createServer((request, response) => {
    const [, what, value = ""] = decodeURIComponent(request.url ?? "").split("/");
    const answer = what === "site" || what === "product" ? lists[what](value) : one(value);
    const body = Buffer.from(JSON.stringify(answer));
    response.writeHead(200, { "content-type": "application/json; charset=utf-8", "content-length": body.length });
    response.end(body);
  });
  const port = await new Promise<number>((resolve) => {
    server.listen(0, "127.0.0.1", () => resolve((server.address() as { port: number }).port));
  });
  return { port: () => port };
});

/** What stands for nothing is what the sample shows of the same type. */
function shower(sample: unknown): Field["show"] {
  if (Array.isArray(sample)) return (stored) => JSON.parse(String(stored ?? "[]"));
  const nothing = typeof sample === "number" ? 0 : "";
  return (stored) => stored ?? nothing;
}

function storageJson(row: Row): Json {
  return {
    ...{ wwid: row.wwid ?? "", serial: row.serial ?? "", vendor: row.vendor ?? "", model: row.model ?? "" },
    ...{ capacityBytes: row.capacity_bytes ?? "", deviceName: row.device_name ?? "", timestamps: null },
  };
}

function nicJson(row: Row): Json {
  const link = JSON.parse(String(row.link_state ?? "{}")) as Json;
  return {
    ...{ deviceName: row.device_name ?? "", pciIdentifier: row.pci_identifier ?? "", macAddr: row.mac_addr ?? "" },
    ...{ sriovEnabled: row.sriov_enabled === 1, sriovVfsNum: row.sriov_vfs_num ?? 0 },
    ...{ sriovVfsTotal: row.sriov_vfs_total ?? 0, mtu: row.mtu ?? 0, linkState: { ...link, timestamps: null } },
    ...{ bmcInterface: row.bmc_interface === 1, ipaddresses: JSON.parse(String(row.ipaddresses ?? "[]")) },
    timestamps: null,
  };
}

function timesOf(row: Row): Json {
  const time = (at: unknown) => new Date(Number(at)).toISOString();
  return { createdAt: time(row.created_at), updatedAt: time(row.updated_at) };
}
