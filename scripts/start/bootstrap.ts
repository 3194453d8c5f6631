import { existsSync, mkdirSync } from "node:fs";
import { Fault, systemClock } from "@holdfast/runtime";
import { writePrivate } from "@holdfast/runtime/home";
import { readPrivate } from "./read-private.ts";

interface Hub {
  readonly hubUrl: string;
  readonly token: string;
}

const PROJECT = "/v1/projects/default";
const FIRST_REPORT_WITHIN = 30_000;

/** Makes region, site, the site's token and an enrolment token, each unless an earlier start has made it. */
export async function bootstrap({ home, ...hub }: Hub & { home: string }) {
  for (const program of ["site", "agent"]) mkdirSync(`${home}/${program}`, { recursive: true, mode: 0o700 });
  const siteTokenFile = `${home}/site/token`;
  const enrolTokenFile = `${home}/agent/enrolment-token`;
  const siteId = (await existingSite(hub, readPrivate(`${home}/site/site-id`))) ?? (await makeSite(hub));
  writePrivate(`${home}/site/site-id`, siteId);
  if (readPrivate(siteTokenFile) === undefined) {
    const { token } = await ask<{ token: string }>(hub, "POST", `${PROJECT}/sites/${siteId}/tokens`, {});
    writePrivate(siteTokenFile, token);
  }
  if (!existsSync(`${home}/agent/enrolment.json`)) {
    const made = await ask<{ token: string }>(hub, "POST", `${PROJECT}/sites/${siteId}/enrolment-tokens`, {});
    writePrivate(enrolTokenFile, made.token);
  }
  return { siteId, siteTokenFile, enrolTokenFile };
}

async function existingSite(hub: Hub, id: string | undefined): Promise<string | undefined> {
  if (id === undefined) return undefined;
  const { sites } = await ask<{ sites: { resourceId: string }[] }>(
    hub,
    "GET",
    `${PROJECT}/sites?filter=resourceId="${id}"`,
  );
  return sites.some((site) => site.resourceId === id) ? id : undefined;
}

async function makeSite(hub: Hub): Promise<string> {
  const region = await ask<{ resourceId: string }>(hub, "POST", `${PROJECT}/regions`, { name: "home" });
  const site = await ask<{ resourceId: string }>(hub, "POST", `${PROJECT}/sites`, {
    name: "this machine",
    regionId: region.resourceId,
  });
  return site.resourceId;
}

/** The id of a host that is connected to the site and whose hardware the hub shows. */
export async function firstHost(hub: Hub & { siteUrl: string }, failed: Promise<void>): Promise<string> {
  const deadline = systemClock.monotonic() + FIRST_REPORT_WITHIN;
  while (systemClock.monotonic() < deadline) {
    const host = (await hostsOf(hub)).find(({ memoryBytes }) => Number(memoryBytes) > 0);
    // What an earlier run reported is at the hub from the start: the agent of this one must be there too.
    if (host && (await connectedAt(hub.siteUrl)) > 0) return host.resourceId;
    await Promise.race([systemClock.sleep(100), failed]);
  }
  throw new Fault("DeadlineExceeded", `no hardware report has reached the hub within ${FIRST_REPORT_WITHIN / 1000} s`);
}

async function hostsOf(hub: Hub): Promise<readonly { resourceId: string; memoryBytes: string }[]> {
  const listed = await ask<{ hosts: { resourceId: string; memoryBytes: string }[] }>(
    hub,
    "GET",
    `${PROJECT}/compute/hosts`,
  );
  return listed.hosts;
}

async function connectedAt(siteUrl: string): Promise<number> {
  const status = (await (await fetch(`${siteUrl}/v1/status`)).json()) as { hosts: { connected: number } };
  return status.hosts.connected;
}

async function ask<T>({ hubUrl, token }: Hub, method: string, path: string, body?: object): Promise<T> {
  const headers = { authorization: `Bearer ${token}`, ...(body ? { "content-type": "application/json" } : {}) };
  const response = await fetch(`${hubUrl}${path}`, {
    method,
    headers,
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  if (!response.ok) throw new Fault("Internal", `${method} ${path}: ${response.status} ${await response.text()}`);
  return (await response.json()) as T;
}
