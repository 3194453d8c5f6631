import { counter, type MetricFamily, type MetricSample } from "@holdfast/runtime";
import type { FastifyInstance } from "fastify";
import { pathOfRoute } from "../api/routes/switchboard.ts";

/** Upper bounds, seconds. */
const BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const;

interface Measured {
  readonly labels: { readonly method: string; readonly route: string };
  readonly codes: Map<string, number>;
  /** How many took no longer than each bound, and longer than the one before it. */
  readonly within: number[];
  seconds: number;
}

/** Counts the requests that a server answers, by route, and how long each took. */
export class RequestMetrics {
  readonly #measured = new Map<string, Measured>();

  /** From now on, of all routes of this server or of the part of it. */
  watch(app: FastifyInstance): void {
    app.addHook("onResponse", async (request, reply) => {
      const { method } = request;
      const route = pathOfRoute(request) ?? "unknown";
      const measured = this.#of(method, route);
      const code = String(reply.statusCode);
      measured.codes.set(code, (measured.codes.get(code) ?? 0) + 1);
      const took = reply.elapsedTime / 1_000;
      measured.seconds += took;
      const bound = BOUNDS.findIndex((limit) => took <= limit);
      if (bound !== -1) measured.within[bound] = (measured.within[bound] ?? 0) + 1;
    });
  }

  families(): MetricFamily[] {
    const all = [...this.#measured.values()];
    const counts = all.flatMap(({ labels, codes }) =>
      [...codes].map(([code, value]): MetricSample => ({ labels: { ...labels, code }, value })),
    );
    return [
      counter("holdfast_http_requests_total", "Requests that were answered, by method, route and status code.", counts),
      {
        ...{ name: "holdfast_http_request_duration_seconds", type: "histogram", samples: all.flatMap(samplesOf) },
        help: "How long requests took; long polls and event streams are held on purpose.",
      },
    ];
  }

  #of(method: string, route: string): Measured {
    const name = `${method} ${route}`;
    const found = this.#measured.get(name);
    if (found) return found;
    const fresh = { labels: { method, route }, codes: new Map<string, number>(), within: [], seconds: 0 };
    this.#measured.set(name, fresh);
    return fresh;
  }
}

function samplesOf({ labels, codes, within, seconds }: Measured): MetricSample[] {
  const count = [...codes.values()].reduce((sum, each) => sum + each, 0);
  let sum = 0;
  const buckets = BOUNDS.map((bound, at): MetricSample => {
    sum += within[at] ?? 0;
    return { series: "_bucket", labels: { ...labels, le: String(bound) }, value: sum };
  });
  return [
    ...buckets,
    { series: "_bucket", labels: { ...labels, le: "+Inf" }, value: count },
    { series: "_sum", labels, value: seconds },
    { series: "_count", labels, value: count },
  ];
}
