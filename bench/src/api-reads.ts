import { isDeepStrictEqual } from "node:util";
import type { Row, Run } from "./benchmark.ts";
import { MODELS } from "./observed-host.ts";
import { figuresOf, startWorker, type Worker } from "./processes.ts";
import { type Listening, startHub } from "./programs.ts";
import { alternate, median, type Rounds, ratioOf } from "./rounds.ts";
import { PROJECT, type SeededHub, seededHub } from "./seed.ts";
import { figure } from "./shown.ts";
import type { LoadAnswer } from "./workers/http-load.ts";

export interface ReadFigures {
  readonly perSecond: number;
  /** Milliseconds of processor time of the server for each request. */
  readonly cpu: number;
}

/** The same answers asked of the hub and of a bare server on the same database. */
export interface Question {
  readonly hub: readonly string[];
  readonly bare: readonly string[];
}

/** A hub with many hosts, a bare server beside it, and somebody who asks both. */
export class ApiReads implements AsyncDisposable {
  readonly seed: SeededHub;
  readonly #hub: Listening;
  readonly #bare: Worker;
  readonly #load: Worker;
  readonly #barePort: number;

  private constructor(seed: SeededHub, parts: { hub: Listening; bare: Worker; load: Worker; barePort: number }) {
    this.seed = seed;
    this.#hub = parts.hub;
    this.#bare = parts.bare;
    this.#load = parts.load;
    this.#barePort = parts.barePort;
  }

  static async open(run: Run): Promise<ApiReads> {
    const quick = run.size === "quick";
    const seed = await seededHub(run, quick ? { sites: 100, hosts: 10_000 } : { sites: 1_000, hosts: 100_000 });
    const hub = await startHub(seed.home);
    const sample = await askHub(hub.url, seed, hostPath(seed.hosts[0] ?? ""));
    const bare = await startWorker("bare-api", { database: `${seed.home}/hub.db`, tenant: seed.tenant, sample });
    const load = await startWorker("http-load", { connections: 8 });
    return new ApiReads(seed, { hub, bare, load, barePort: await bare.ask<number>("port") });
  }

  /** Hosts all over the inventory, in no order. */
  hosts(): Question {
    const { hosts } = this.seed;
    const some = Array.from({ length: 1_000 }, (_, number) => hosts[(number * 7_919) % hosts.length] ?? "");
    return { hub: some.map(hostPath), bare: some.map((id) => `/host/${id}`) };
  }

  /** A page of 100 hosts by their site, which has an index. */
  bySite(): Question {
    const sites = this.seed.sites.slice(0, 50).map(({ id }) => id);
    return { hub: sites.map((id) => listPath(`site.resourceId="${id}"`)), bare: sites.map((id) => `/site/${id}`) };
  }

  /** A page of 100 hosts by what they are, which has none. */
  byProduct(): Question {
    return {
      hub: MODELS.map((model) => listPath(`productName="${model}"`)),
      bare: MODELS.map((model) => `/product/${encodeURIComponent(model)}`),
    };
  }

  /** Throws unless both give the same answer. */
  async compare({ hub, bare }: Question): Promise<void> {
    const [ours, theirs] = [await askHub(this.#hub.url, this.seed, hub[0] ?? ""), await this.#askBare(bare[0] ?? "")];
    if (!isDeepStrictEqual(comparable(ours), comparable(theirs))) {
      throw new Error(`the bare server answers otherwise:\n${JSON.stringify(theirs)}\n${JSON.stringify(ours)}`);
    }
  }

  async measure(
    question: Question,
    { rounds, seconds }: { rounds: number; seconds: number },
  ): Promise<Rounds<ReadFigures>> {
    await this.compare(question);
    const headers = { authorization: `Bearer ${this.seed.operatorToken}` };
    const hubPort = Number(new URL(this.#hub.url).port);
    return alternate(rounds, {
      peer: () => this.#ask(this.#bare.pid, { port: this.#barePort, paths: question.bare, headers: {}, seconds }),
      ours: () => this.#ask(this.#hub.pid, { port: hubPort, paths: question.hub, headers, seconds }),
    });
  }

  async #ask(pid: number, load: object): Promise<ReadFigures> {
    const before = figuresOf(pid).cpuSeconds;
    const { requests, perSecond } = await this.#load.ask<LoadAnswer>("load", load);
    return { perSecond, cpu: ((figuresOf(pid).cpuSeconds - before) * 1_000) / requests };
  }

  async #askBare(path: string): Promise<unknown> {
    return (await fetch(`http://127.0.0.1:${this.#barePort}${path}`)).json();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const part of [this.#load, this.#bare, this.#hub]) await part[Symbol.asyncDispose]();
  }
}

export function hostPath(id: string): string {
  return `/v1/projects/${PROJECT}/compute/hosts/${id}`;
}

export function listPath(filter: string): string {
  return `/v1/projects/${PROJECT}/compute/hosts?pageSize=100&filter=${encodeURIComponent(filter)}`;
}

async function askHub(url: string, { operatorToken }: SeededHub, path: string): Promise<unknown> {
  const response = await fetch(`${url}${path}`, { headers: { authorization: `Bearer ${operatorToken}` } });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return response.json();
}

/** Without what differs from one second to the next, and where a list goes on, which only whoever has cursors can say. */
function comparable(answer: unknown): unknown {
  return JSON.parse(JSON.stringify(answer), (key, value) =>
    key === "ageSeconds" || key === "nextPageToken" ? undefined : value,
  );
}

type Read = Pick<Row, "unit" | "value" | "more" | "peerValue" | "peerMore" | "ratio">;

/** What rounds of reads say of a row: requests a second, with the processor time of each. */
export function rateOf(measured: Rounds<ReadFigures>): Read {
  const cpu = (side: readonly ReadFigures[]) => `${figure(cpuOf(side))} ms CPU each`;
  return {
    unit: "requests/s",
    value: perSecondOf(measured.ours),
    more: cpu(measured.ours),
    peerValue: perSecondOf(measured.peer),
    peerMore: cpu(measured.peer),
    ratio: ratioOf(measured, ({ perSecond }) => perSecond),
  };
}

/** The same the other way round: the processor time of a request, which other work of the machine's changes less. */
export function costOf(measured: Rounds<ReadFigures>): Read {
  const rate = (side: readonly ReadFigures[]) => `${figure(perSecondOf(side))}/s`;
  return {
    unit: "ms CPU each",
    value: cpuOf(measured.ours),
    more: rate(measured.ours),
    peerValue: cpuOf(measured.peer),
    peerMore: rate(measured.peer),
    ratio: ratioOf(measured, ({ cpu }) => cpu),
  };
}

function perSecondOf(side: readonly ReadFigures[]): number {
  return median(side.map(({ perSecond }) => perSecond));
}

function cpuOf(side: readonly ReadFigures[]): number {
  return median(side.map(({ cpu }) => cpu));
}
