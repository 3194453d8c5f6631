import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { createHub, type Hub } from "@holdfast/hub";
import { HubConfig } from "@holdfast/hub/config";
import { offerHeaders, PROTOCOL_VERSION } from "@holdfast/protocol/handshake";
import { readConfig, systemClock } from "@holdfast/runtime";
import { type Answered, type Asked, ask } from "./answers.ts";
import { Complaints } from "./complaints.ts";
import type { Names } from "./filled.ts";

export const OFFER = offerHeaders({ version: PROTOCOL_VERSION, capabilities: [] });
const PROJECT = "/v1/projects/default";

interface Made {
  readonly collection: string;
  readonly body: object;
}

/** How what requests are about is made, in this order. */
const MADE: Readonly<Record<string, (names: Names, name: string) => Made>> = {
  region: (_, name) => ({ collection: "regions", body: { name, metadata: [{ key: "zone", value: "a" }] } }),
  site: ({ region }, name) => ({ collection: "sites", body: { name, regionId: region } }),
  otherSite: ({ region }, name) => ({ collection: "sites", body: { name, regionId: region } }),
  os: (_, name) => ({
    collection: "compute/os",
    body: { name, profileName: name, architecture: "x86_64", sha256: "a".repeat(64), osType: "OS_TYPE_IMMUTABLE" },
  }),
  host: ({ site }, name) => ({ collection: "compute/hosts", body: { name, siteId: site } }),
  otherHost: (_, name) => ({ collection: "compute/hosts", body: { name } }),
  provider: (_, name) => ({
    collection: "providers",
    body: { name, providerKind: "PROVIDER_KIND_BAREMETAL", apiEndpoint: "http://a", apiCredentials: ["x"] },
  }),
  instance: ({ otherHost, os }, name) => ({
    collection: "compute/instances",
    body: { name, hostID: otherHost, osID: os, kind: "INSTANCE_KIND_METAL" },
  }),
};

/** What is held open ends at once, so that the next input can come. */
const HELD_BRIEFLY = { pollSeconds: 0.001, streamSeconds: 0.002, keepAliveSeconds: 0.001 };

/** The real hub with its real store, asked without a network. */
export class FuzzedHub {
  readonly hub: Hub;
  readonly complaints: Complaints;
  readonly operator: string;
  /** A site of the hub, and the others that its tokens and resources are called by. */
  names: Names = {};
  #furnished = 0;

  private constructor(hub: Hub, complaints: Complaints, operator: string) {
    this.hub = hub;
    this.complaints = complaints;
    this.operator = operator;
  }

  static async start(holding: "briefly" | "as usual" = "briefly"): Promise<FuzzedHub> {
    const home = mkdtempSync(`${tmpdir()}/hub-`);
    const complaints = new Complaints();
    const given = readConfig(HubConfig, {
      arguments: ["--home", home, "--hub-port", "0", "--requests-per-second", "0"],
      environment: {},
    });
    const config = { ...given, ...(holding === "briefly" ? HELD_BRIEFLY : {}) };
    const hub = await createHub(config, { clock: systemClock, log: complaints.log });
    const operator = readFileSync(`${home}/operator-token`, "utf8").trim();
    const it = new FuzzedHub(hub, complaints, operator);
    await it.#begin();
    return it;
  }

  /** Makes anew what `gone` names, or one of each kind of resource and a site's token; the names are those of the newest. */
  async furnish(gone: readonly string[] = Object.keys(MADE)): Promise<void> {
    for (const what of gone) {
      const make = MADE[what];
      if (!make) continue;
      this.#furnished += 1;
      const { collection, body } = make(this.names, `${what} ${this.#furnished}`);
      this.names = { ...this.names, [what]: await this.make(collection, body) };
    }
  }

  async #begin(): Promise<void> {
    await this.furnish();
    const { token } = await this.must("POST", `${PROJECT}/sites/${this.names.site}/tokens`, {});
    const tenant = await this.hub.store.read((view) => view.tenant("default"));
    const epoch = this.hub.authority.epoch();
    this.names = { ...this.names, siteToken: String(token), tenant: tenant?.id ?? "", epoch, operator: this.operator };
  }

  async make(collection: string, body: object): Promise<string> {
    return String((await this.must("POST", `${PROJECT}/${collection}`, body)).resourceId);
  }

  async must(method: string, url: string, body?: object): Promise<Readonly<Record<string, unknown>>> {
    const payload = body === undefined ? {} : { payload: JSON.stringify(body) };
    const answer = await this.ask({
      method,
      url,
      headers: { authorization: `Bearer ${this.operator}`, "content-type": "application/json" },
      ...payload,
    });
    if (answer.status >= 300) throw new Error(`${method} ${url} answers ${answer.status}: ${answer.text}`);
    return answer.json as Readonly<Record<string, unknown>>;
  }

  ask(asked: Asked): Promise<Answered> {
    return ask(this.hub.app, asked);
  }

  close(): Promise<void> {
    return this.hub.close();
  }
}
