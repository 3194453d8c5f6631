import type { FastifyInstance, FastifyRequest } from "fastify";
import { LONGEST_WAIT } from "../asking.ts";
import { PathTooLong } from "../errors.ts";
import { documentedPaths } from "../openapi/operation.ts";
import type { Paths } from "../openapi/serve-document.ts";
import { LONGEST_REQUEST, LONGEST_SEGMENT } from "../server.ts";
import { PathTree } from "./path-tree.ts";
import { answerWith, type Mount, type Route } from "./route.ts";

declare module "fastify" {
  interface FastifyContextConfig {
    /** Which knows what a request asks for, where the server only knows the beginning of the path. */
    switchboard?: Switchboard;
  }
}

/** What a request asks for. */
export interface Called {
  readonly route: Route;
  readonly where: Mount;
  readonly parameters: Readonly<Record<string, string>>;
}

/**
 * The operations of projects, under all of their paths. The server has a wildcard for each prefix and leads to them through this: with
 * a route of its own for each of them, under each path and method, an API takes eight times as long to start and six times the memory.
 */
export class Switchboard {
  readonly #tree = new PathTree<{ readonly route: Route; readonly where: Mount }>();
  readonly #mounts: { readonly routes: readonly Route[]; readonly where: Mount }[] = [];
  readonly #called = new WeakMap<FastifyRequest, Called>();

  /** Adds the routes below a prefix. */
  add(routes: readonly Route[], where: Mount): void {
    this.#mounts.push({ routes, where });
    for (const route of routes) this.#tree.add(route.method, `${where.prefix}/${route.path}`, { route, where });
  }

  /** Leads a server's requests to them. `refuse` throws what is said of a path that none of them has. */
  mount(app: FastifyInstance, refuse: (request: FastifyRequest) => never): void {
    const options = {
      schema: { hide: true },
      config: {
        switchboard: this,
        needs: (request: FastifyRequest) => this.called(request)?.route.needs,
        projectOf: (request: FastifyRequest) => this.called(request)?.where.projectOf(request),
      },
      onRequest: async (request: FastifyRequest) => {
        if (!this.called(request)) refuse(request);
      },
    };
    for (const { where } of this.#mounts) {
      const url = `${where.prefix.replace(/\{(\w+)\}/g, ":$1")}/*`;
      const handler: Parameters<typeof app.route>[0]["handler"] = (request, reply) => {
        const called = this.called(request);
        return called ? answerWith(called, request, reply) : refuse(request);
      };
      app.route({ ...options, method: ["GET", "HEAD"], url, handler });
      // A write may wait for the hub's word on it, as long as its caller likes to.
      const handlerTimeout = LONGEST_REQUEST + LONGEST_WAIT;
      app.route({ ...options, method: ["POST", "PUT", "PATCH", "DELETE"], url, handlerTimeout, handler });
    }
  }

  /** What a request asks for; undefined when nobody answers its path with its method. Throws PathTooLong. */
  called(request: FastifyRequest): Called | undefined {
    const known = this.#called.get(request);
    if (known) return known;
    const method = request.method === "HEAD" ? "GET" : request.method;
    const found = this.#tree.find(method, segmentsOf(request.url));
    if (!found) return undefined;
    if (Object.values(found.parameters).some(({ length }) => length > LONGEST_SEGMENT)) throw new PathTooLong();
    const called = { ...found.value, parameters: found.parameters };
    this.#called.set(request, called);
    return called;
  }

  /** Every operation, as the OpenAPI document has it. */
  documented(): Paths {
    return Object.assign({}, ...this.#mounts.map(({ routes, where }) => documentedPaths(routes, where)));
  }

  /** With which methods a path is offered; none when nobody answers it. */
  offered(path: string): readonly string[] {
    return this.#tree.methodsAt(segmentsOf(path)).flatMap((method) => (method === "GET" ? ["GET", "HEAD"] : [method]));
  }
}

/** The path of the route that a request came to, for who counts requests; undefined when nobody answers its path. */
export function pathOfRoute(request: FastifyRequest): string | undefined {
  const { url, config } = request.routeOptions;
  if (!config.switchboard) return url;
  const called = config.switchboard.called(request);
  return called && `${called.where.prefix}/${called.route.path}`.replace(/\{(\w+)\}/g, ":$1");
}

/** As the server takes paths apart: an escaped slash parts nothing, and one at the end is none. */
function segmentsOf(url: string): string[] {
  const from = url.startsWith("/") ? 0 : (/^https?:\/\/[^/?#]*/i.exec(url)?.[0].length ?? 0);
  const end = url.search(/[?#]/);
  const to = end === -1 ? url.length : end;
  const segments = url.slice(from + 1, url[to - 1] === "/" ? to - 1 : to).split("/");
  return url.includes("%") ? segments.map(decoded) : segments;
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
