import { ALICE, SiteApi } from "@holdfast/site-node/testing/site-api";
import { SITE } from "@holdfast/site-node/testing/test-site";
import type { FastifyInstance } from "fastify";
import { type Answered, type Asked, ask } from "./answers.ts";
import { Complaints } from "./complaints.ts";
import type { Names } from "./filled.ts";

/** A site's API over a real store, cut off from its hub. */
export class FuzzedSite {
  readonly complaints: Complaints;
  readonly #api: SiteApi;

  private constructor(api: SiteApi, complaints: Complaints) {
    this.#api = api;
    this.complaints = complaints;
  }

  static async start(): Promise<FuzzedSite> {
    const complaints = new Complaints();
    return new FuzzedSite(await SiteApi.open(complaints.log), complaints);
  }

  get app(): FastifyInstance {
    return this.#api.app;
  }

  get names(): Names {
    const { own: host, free: otherHost, os } = this.#api;
    return { operator: ALICE, site: SITE, otherSite: "site-0000000b", host, otherHost, os };
  }

  ask(asked: Asked): Promise<Answered> {
    return ask(this.app, asked);
  }

  async furnish(): Promise<void> {
    // What was deleted here is gone once the hub agrees, and the hub is away.
  }

  close(): Promise<void> {
    return this.#api[Symbol.asyncDispose]();
  }
}
