import type { FastifyInstance } from "fastify";

/** Which methods a path is offered with. */
export interface OfferedMethods {
  /** In the order in which they were added; none for a path that nobody answers. */
  of(path: string): readonly string[];
}

/** Looks on while routes are added, from now on: a server itself only knows which of them answer a method. */
export function watchMethods(app: FastifyInstance): OfferedMethods {
  const found = new Map<string, { readonly pattern: RegExp; readonly methods: Set<string> }>();
  app.addHook("onRoute", ({ url, method, config }) => {
    if (config?.switchboard) return; // it says for itself
    const known = found.get(url) ?? { pattern: patternOf(url), methods: new Set<string>() };
    for (const each of [method].flat()) known.methods.add(each);
    found.set(url, known);
  });
  return {
    of(path) {
      const asked = path.length > 1 ? path.replace(/\/$/, "") : path;
      const matching = [...found.values()].filter(({ pattern }) => pattern.test(asked));
      return [...new Set(matching.flatMap(({ methods }) => [...methods]))];
    },
  };
}

/** A route's path with `:name` for a parameter and `*` for all that follows. */
function patternOf(url: string): RegExp {
  const literal = url.replace(/[.+?^${}()|[\]\\]/g, "\\$&");
  return new RegExp(`^${literal.replace(/:\w+/g, "[^/]+").replace(/\*/g, ".*")}$`);
}
