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
    const given = readConfig(HubConfig, { arguments: ["--home", home, "--hub-port", "0"], environment: {} });
    const config = { ...given, ...(holding === "briefly" ? HELD_BRIEFLY : {}) };
    const hub = await createHub(config, { clock: systemClock, log: complaints.log });
    const operator = readFileSync(`${home}/operator-token`, "utf8").trim();
    const it = new FuzzedHub(hub, complaints, operator);
    await it.furnish();
    return it;
  }

  /** Makes one of each kind of resource, and a site's token; the names are those of the newest. */
  async furnish(): Promise<void> {
    this.#furnished += 1;
    const name = (what: string) => `${what} ${this.#furnished}`;
    const region = await this.make("regions", { name: name("north"), metadata: [{ key: "zone", value: "a" }] });
    const site = await this.make("sites", { name: name("oslo"), regionId: region });
    const otherSite = await this.make("sites", { name: name("bergen"), regionId: region });
    const os = await this.make("compute/os", {
      ...{ name: name("debian"), profileName: name("debian"), architecture: "x86_64", sha256: "a".repeat(64) },
      ...{ repoUrl: "debian.img", osType: "OS_TYPE_IMMUTABLE", osProvider: "OS_PROVIDER_KIND_INFRA" },
    });
    const host = await this.make("compute/hosts", { name: name("own"), siteId: site });
    const otherHost = await this.make("compute/hosts", { name: name("free") });
    const provider = await this.make("providers", {
      ...{
        name: name("vendor"),
        providerKind: "PROVIDER_KIND_BAREMETAL",
        apiEndpoint: "http://a",
        apiCredentials: ["x"],
      },
    });
    const instance = await this.make("compute/instances", { name: name("one"), hostID: host, osID: os }).catch(
      () => "inst-00000000",
    );
    const { token: siteToken } = await this.must("POST", `${PROJECT}/sites/${site}/tokens`, {});
    const tenant = await this.hub.store.read((view) => view.tenant("default"));
    this.names = {
      ...{ region, site, otherSite, os, host, otherHost, provider, instance, siteToken: String(siteToken) },
      ...{ tenant: tenant?.id ?? "", epoch: this.hub.authority.epoch(), operator: this.operator },
    };
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
