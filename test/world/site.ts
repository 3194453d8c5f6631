import { mkdirSync, writeFileSync } from "node:fs";
import { Host } from "@holdfast/protocol";
import { type Clock, type Log, readConfig } from "@holdfast/runtime";
import { createSiteNode, type SiteNode } from "@holdfast/site-node";
import { SiteConfig } from "@holdfast/site-node/config";
import type { WorldHub } from "./hub.ts";
import { Wan } from "./wan.ts";

export interface SiteFacts {
  readonly name: string;
  readonly project: string;
  readonly id: string;
  readonly token: string;
}

/** A site of a world: its site-node and its link to the hub. */
export class WorldSite {
  readonly name: string;
  readonly project: string;
  readonly id: string;
  readonly token: string;
  readonly wan = new Wan();
  readonly #home: string;
  readonly #hub: WorldHub;
  readonly #surroundings: { clock: Clock; log: Log };
  #node: SiteNode | undefined;
  #ports = { site: 0, mqtt: 0 };

  constructor(facts: SiteFacts, home: string, hub: WorldHub, surroundings: { clock: Clock; log: Log }) {
    ({ name: this.name, project: this.project, id: this.id, token: this.token } = facts);
    this.#home = home;
    this.#hub = hub;
    this.#surroundings = surroundings;
    mkdirSync(home, { recursive: true });
    writeFileSync(`${home}/token`, this.token, { mode: 0o600 });
  }

  async start(): Promise<void> {
    const settings = [
      ...["--home", this.#home, "--hub-url", this.#hub.url],
      ...["--site-id", this.id, "--token-file", `${this.#home}/token`],
      ...["--site-port", String(this.#ports.site), "--mqtt-port", String(this.#ports.mqtt)],
    ];
    const config = readConfig(SiteConfig, { arguments: settings, environment: {} });
    this.#node = await createSiteNode(config, { ...this.#surroundings, fetch: this.wan.fetch });
    this.#ports = { site: this.#node.port, mqtt: this.#node.mqttPort };
  }

  async stop(): Promise<void> {
    const stopping = this.#node;
    this.#node = undefined;
    await stopping?.close();
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  get node(): SiteNode {
    if (!this.#node) throw new Error(`site ${this.name} is not running`);
    return this.#node;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#ports.site}`;
  }

  get ports(): { readonly site: number; readonly mqtt: number } {
    return this.#ports;
  }

  /** The hosts that its replica holds. */
  async hostIds(): Promise<string[]> {
    const { resources } = await this.node.store.read((view) => view.list(Host, {}));
    return resources.map(({ resourceId }) => resourceId);
  }

  /** A one-time token that admits a machine here, or only the host named. */
  async enrolmentToken(hostId?: string): Promise<string> {
    const path = `/v1/projects/${this.project}/sites/${this.id}/enrolment-tokens`;
    return (await this.#hub.ask("POST", path, hostId ? { hostId } : {})).token;
  }
}
