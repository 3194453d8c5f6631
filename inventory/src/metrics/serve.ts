import { createGzip } from "node:zlib";
import {
  type Clock,
  type Closable,
  Fault,
  familyText,
  type Log,
  listenFault,
  METRICS_TYPE,
  type MetricFamily,
  processMetrics,
} from "@holdfast/runtime";
import { closing } from "@holdfast/runtime/closing";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { maySee, type Principal, principalOf } from "../api/principal.ts";
import { createServer } from "../api/server.ts";
import type { Store, Tenant } from "../store/contract.ts";
import { edgeHosts } from "./edge-hosts.ts";
import { Readers } from "./readers.ts";

/** What a program tells of itself and its machines. */
export interface MetricsSource {
  readonly store: Pick<Store, "read">;
  readonly clock: Pick<Clock, "now" | "sleep">;
  /** Whether a site is silent: how its machines are is then unknown. */
  readonly isSilent: (site: string) => boolean;
  /** Of the program, beside those of its process. */
  readonly families: () => Promise<readonly MetricFamily[]>;
}

/** Fastify's own limit would end what is being read; `Readers` has one that says so. */
const UNLIMITED = { handlerTimeout: 2 ** 31 - 1 };

/** As the OpenAPI document shows it. */
const DOCUMENTED = {
  tags: ["Metrics"],
  operationId: "GetMetrics",
  summary: "What to measure, of the projects that the caller may see, as Prometheus reads it",
  response: { 200: { description: "OK", content: { "text/plain": { schema: { type: "string" } } } } },
};

/** Answers scrapes, some at once. */
export class Metrics {
  readonly #source: MetricsSource;
  readonly #readers: Readers;

  constructor(source: MetricsSource) {
    this.#source = source;
    this.#readers = new Readers(source.clock);
  }

  /**
   * `GET /metrics` for whoever may read a project, of the projects that they may see; `ofProgram` says who is told of the
   * program itself.
   */
  route(app: FastifyInstance, ofProgram: (principal: Principal) => boolean): void {
    app.get("/metrics", { schema: DOCUMENTED, config: { needs: "own" }, ...UNLIMITED }, async (request, reply) => {
      const principal = principalOf(request);
      const tenants = await this.#tenants((tenant) => maySee(principal, tenant));
      const tells = ofProgram(principal);
      if (tenants.length === 0 && !tells) throw new Fault("PermissionDenied", "metrics are for who may read a project");
      return this.#answer(request, reply, { caller: principal.token ?? principal.actor, tenants, tells });
    });
  }

  /** Answers everything to everybody at an address of its own, `ADDRESS:PORT`. Throws FailedPrecondition when it is taken. */
  async listen(
    address: string,
    { clock, log }: { clock: Clock; log: Log },
  ): Promise<Closable & { readonly url: string }> {
    const app = createServer(log);
    app.get("/metrics", UNLIMITED, async (request, reply) =>
      this.#answer(request, reply, { caller: request.ip, tenants: await this.#tenants(() => true), tells: true }),
    );
    const [, host = "", port = ""] = /^\[?(.+?)\]?:(\d{1,5})$/.exec(address) ?? [];
    const ending = closing(app, clock);
    try {
      await app.listen({ host, port: Number(port) });
    } catch (cause) {
      await ending.close();
      const fault = listenFault(cause, "--metrics-listen", Number(port));
      if (fault instanceof Fault) throw fault;
      throw new Fault("FailedPrecondition", `--metrics-listen ${address}: no such address here`, { cause });
    }
    const bound = app.server.address();
    const got = typeof bound === "object" && bound ? bound.port : Number(port);
    const url = `http://${host.includes(":") ? `[${host}]` : host}:${got}/metrics`;
    log.info({ url }, "metrics are told to whoever asks there");
    return { url, close: () => ending.close() };
  }

  async #tenants(wanted: (tenant: Tenant) => boolean): Promise<string[]> {
    const tenants = await this.#source.store.read((view) => view.tenants());
    return tenants.filter(wanted).map(({ id }) => id);
  }

  #answer(request: FastifyRequest, reply: FastifyReply, told: Told): FastifyReply {
    const text = this.#readers.tell(told.caller, this.#text(told));
    void reply.type(METRICS_TYPE);
    if (!/\bgzip\b/.test(String(request.headers["accept-encoding"] ?? ""))) return reply.send(text);
    const zipped = createGzip({ level: 1 });
    // A scraper that goes away ends both.
    zipped.once("close", () => text.destroy());
    text.once("error", (error) => zipped.destroy(error));
    return reply.header("content-encoding", "gzip").send(text.pipe(zipped));
  }

  async *#text({ tenants, tells }: Told): AsyncGenerator<string> {
    const { store, clock, isSilent, families } = this.#source;
    if (tells) for (const family of [...processMetrics(), ...(await families())]) yield familyText(family);
    yield* edgeHosts(store, { tenants, isSilent, now: clock.now() });
  }
}

interface Told {
  /** Tells callers apart. */
  readonly caller: string;
  readonly tenants: readonly string[];
  /** Whether the program tells of itself too. */
  readonly tells: boolean;
}
