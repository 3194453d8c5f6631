import { batchHash, MAX_BATCH_BYTES, type UplinkBatch } from "@holdfast/protocol";
import { offerHeaders, PROTOCOL_VERSION } from "@holdfast/protocol/handshake";
import type { Benchmark } from "./benchmark.ts";
import { observedOf } from "./observed-host.ts";
import { startWorker } from "./processes.ts";
import { type Listening, startHub } from "./programs.ts";
import { alternate, median, ratioOf } from "./rounds.ts";
import { type SeededHub, seededHub } from "./seed.ts";

const ENTRIES = 1_000;

export const uplinkApply: Benchmark = {
  name: "uplink-apply",
  about: "batches of 1,000 states at the hub, against raw updates of the same rows",
  async run(run) {
    const quick = run.size === "quick";
    const batches = quick ? 2 : 10;
    const seed = await seededHub(run, { sites: 1, hosts: ENTRIES });
    const beside = await seededHub(run, { sites: 1, hosts: ENTRIES });
    await using hub = await startHub(seed.home);
    await using raw = await startWorker("raw-sqlite", { hubDatabase: `${beside.home}/hub.db` });
    const site = await Sender.open(hub, seed);
    const rate = (milliseconds: number) => (batches * ENTRIES * 1_000) / milliseconds;
    const measured = await alternate(quick ? 1 : 3, {
      peer: async () =>
        rate((await raw.ask<{ milliseconds: number }>("updateHosts", { hosts: seed.hosts, batches })).milliseconds),
      ours: async () => {
        const began = performance.now();
        for (let batch = 0; batch < batches; batch += 1) await site.send();
        return rate(performance.now() - began);
      },
    });
    return [
      {
        name: "uplink-apply",
        what: `uplink, ${batches} batches of ${ENTRIES} states of hosts with a port and a disk, over HTTP, one at a time`,
        unit: "states/s",
        value: median(measured.ours),
        peer: "raw SQLite updates of the same rows, a transaction a batch",
        peerValue: median(measured.peer),
        ratio: ratioOf(measured, (value) => value),
      },
    ];
  },
};

/** A site that reports all its hosts anew in each batch. */
class Sender {
  readonly #url: string;
  readonly #seed: SeededHub;
  readonly #headers: Record<string, string>;
  readonly #epoch: string;
  #next = 1;
  #previous = "";
  #batches = 0;

  private constructor(url: string, seed: SeededHub, headers: Record<string, string>, epoch: string) {
    this.#url = url;
    this.#seed = seed;
    this.#headers = headers;
    this.#epoch = epoch;
  }

  static async open(hub: Listening, seed: SeededHub): Promise<Sender> {
    const [site] = seed.sites;
    const offer = offerHeaders({ version: PROTOCOL_VERSION, capabilities: [] });
    const headers = { authorization: `Bearer ${site?.token}`, "content-type": "application/json", ...offer };
    const answer = await fetch(`${hub.url}/v1/sites/self`, { headers });
    const { epoch } = (await answer.json()) as { epoch: string };
    return new Sender(`${hub.url}/v1/sites/${site?.id}/uplink`, seed, headers, epoch);
  }

  async send(): Promise<void> {
    this.#batches += 1;
    const entries = this.#seed.hosts.map((id, number) => {
      const { hostNics, ...fields } = observedOf(number);
      const changed = { hostname: `edge-${number}-${this.#batches}`, hostNics: (hostNics as unknown[]).slice(0, 1) };
      const observed = { observedAt: 1_790_000_000_000 + this.#batches, observedGeneration: 1 };
      return { type: "state", kind: "host", id, ...observed, fields: { ...fields, ...changed } };
    });
    const stream = { epoch: this.#epoch, incarnation: 1 };
    const batch: UplinkBatch = { stream, first: this.#next, previous: this.#previous, sealedAt: 0, entries };
    const body = JSON.stringify(batch);
    if (body.length > MAX_BATCH_BYTES)
      throw new Error(`a batch of ${body.length} bytes is none that a site would send`);
    const response = await fetch(this.#url, { method: "POST", headers: this.#headers, body });
    const answer = (await response.json()) as { cursor?: number; outcomes?: unknown[] };
    this.#next += entries.length;
    this.#previous = batchHash(batch);
    if (answer.cursor !== this.#next - 1 || answer.outcomes?.length !== 0)
      throw new Error(JSON.stringify(answer).slice(0, 500));
  }
}
