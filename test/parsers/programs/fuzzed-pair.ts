import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { PROTOCOL_VERSION } from "@holdfast/protocol/handshake";
import { readConfig, systemClock } from "@holdfast/runtime";
import { createSiteNode, type SiteNode } from "@holdfast/site-node";
import { SiteConfig } from "@holdfast/site-node/config";
import type { FastifyInstance } from "fastify";
import type { Who } from "../mqtt-bytes.ts";
import { type Answered, type Asked, ask } from "./answers.ts";
import { Complaints } from "./complaints.ts";
import { FuzzedHub } from "./fuzzed-hub.ts";

/** A site that could not make something of what a host said, for a reason that is its own. */
const OWN_FAULT = /"handling |a message of QoS 0 was lost|"error":"[^"]*not a function/;

interface Site {
  readonly site: SiteNode;
  readonly api: FastifyInstance;
}

/** A site-node that is started, and its API, which it shows to nobody: a socket for each request would be most of the work. */
async function withItsApi(start: () => Promise<SiteNode>): Promise<Site> {
  const made: FastifyInstance[] = [];
  const note = (message: unknown) => made.push((message as { readonly fastify: FastifyInstance }).fastify);
  subscribe("fastify.initialization", note);
  try {
    const [site, api] = [await start(), made[0]];
    if (api === undefined) throw new Error("the site-node has no API");
    return { site, api };
  } finally {
    unsubscribe("fastify.initialization", note);
  }
}

/** The real hub and a real site-node that follows it, with machines that it has admitted. */
export class FuzzedPair {
  readonly hub: FuzzedHub;
  readonly site: SiteNode;
  readonly complaints: Complaints;
  readonly #api: FastifyInstance;

  private constructor(hub: FuzzedHub, { site, api }: Site, complaints: Complaints) {
    this.hub = hub;
    this.site = site;
    this.#api = api;
    this.complaints = complaints;
  }

  static async start(): Promise<FuzzedPair> {
    const hub = await FuzzedHub.start("as usual");
    const home = mkdtempSync(`${tmpdir()}/site-`);
    writeFileSync(`${home}/token`, String(hub.names.siteToken), { mode: 0o600 });
    const settings = [
      ...["--home", home, "--hub-url", hub.hub.url, "--site-id", String(hub.names.site)],
      ...["--token-file", `${home}/token`, "--site-port", "0", "--mqtt-port", "0", "--requests-per-second", "0"],
    ];
    const complaints = new Complaints(OWN_FAULT);
    const config = readConfig(SiteConfig, { arguments: settings, environment: {} });
    const site = await withItsApi(() => createSiteNode(config, { clock: systemClock, log: complaints.log }));
    await site.site.caughtUp();
    return new FuzzedPair(hub, site, complaints);
  }

  /** Puts a request to the site's API as its HTTP server would. */
  ask(asked: Asked): Promise<Answered> {
    return ask(this.#api, asked);
  }

  /** A token by which one machine enrols, for one host or for any. */
  async token(hostId?: string): Promise<string> {
    const url = `/v1/projects/default/sites/${this.hub.names.site}/enrolment-tokens`;
    const { token } = await this.hub.must("POST", url, { ...(hostId ? { hostId } : {}), validSeconds: 86_400 });
    await this.site.caughtUp();
    return String(token);
  }

  /** A machine that the site has admitted. */
  async machine(number: number): Promise<Who> {
    const machine = `0000000000000000000000000000000${number}`;
    const about = { token: await this.token(), machine, agent: "0.1.0", protocol: PROTOCOL_VERSION, capabilities: [] };
    const headers = { "content-type": "application/json" };
    const asked = { method: "POST", url: "/v1/enroll", headers, payload: JSON.stringify(about) };
    const { json, text } = await this.ask(asked);
    const { hostId, secret } = json as { readonly hostId?: string; readonly secret?: string };
    if (hostId === undefined || secret === undefined) throw new Error(`a machine is not admitted: ${text}`);
    return { host: hostId, secret };
  }

  /** Throws when either has complained since. */
  mustBeContent(): void {
    this.complaints.none();
    this.hub.complaints.none();
  }

  async close(): Promise<void> {
    await this.site.close();
    await this.hub.close();
  }
}
