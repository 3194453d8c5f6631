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

/** The id of the first host whose hardware the hub shows. */
export async function firstHost(hub: Hub, failed: Promise<void>): Promise<string> {
  const deadline = systemClock.monotonic() + FIRST_REPORT_WITHIN;
  while (systemClock.monotonic() < deadline) {
    const { hosts } = await ask<{ hosts: { resourceId: string; memoryBytes: string }[] }>(
      hub,
      "GET",
      `${PROJECT}/compute/hosts`,
    );
    const host = hosts.find(({ memoryBytes }) => Number(memoryBytes) > 0);
    if (host) return host.resourceId;
    await Promise.race([systemClock.sleep(100), failed]);
  }
  throw new Fault("DeadlineExceeded", `no hardware report has reached the hub within ${FIRST_REPORT_WITHIN / 1000} s`);
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
