import swagger, { type SwaggerTransformObject } from "@fastify/swagger";
import swaggerUi from "@fastify/swagger-ui";
import type { FastifyInstance } from "fastify";
import type { Components } from "./components.ts";
import { type Declaring, ERROR_RESPONSES, withErrors } from "./declared-errors.ts";

const TOKENS =
  "An operator's token (hfo_…) opens projects; a site's (hfs_…) opens that site's uplink and feeds, and nothing else.";

/**
 * What a browser may load for the pages: their own files, and no others. Not the list of the package, which sends
 * everything to https, where a hub that speaks plain HTTP does not answer.
 */
const PAGES_LOAD = [
  "default-src 'self'",
  "img-src 'self' data:",
  "style-src 'self' 'unsafe-inline'",
  "object-src 'none'",
  "base-uri 'self'",
  "frame-ancestors 'self'",
].join("; ");

/** Operations by path, then by method. */
export type Paths = Readonly<Record<string, Readonly<Record<string, object>>>>;

/** What costs something is made when somebody asks for the document. */
export interface DocumentParts {
  readonly title: string;
  readonly components: () => Components;
  /** Of what the server's own routes do not show, by path, then by method. */
  readonly paths: () => Paths;
  /** Whether what is served holds one site's machines only. */
  readonly slice: boolean;
}

/** Collects the routes added after it into one OpenAPI document, which holds these paths and components too, and declares every error. */
export async function collectDocument(app: FastifyInstance, parts: DocumentParts): Promise<void> {
  const { title, components, slice } = parts;
  const transformObject = (made: Parameters<SwaggerTransformObject>[0]): object => {
    if (!("openapiObject" in made)) throw new TypeError("the document is not OpenAPI 3");
    const { openapiObject: document } = made;
    const schemas = { ...document.components?.schemas, ...components() };
    const own: Record<string, object> = { ...parts.paths() };
    for (const [path, operations] of Object.entries(document.paths ?? {})) own[path] = { ...own[path], ...operations };
    const paths = Object.entries(own).map(([path, operations]) => {
      const declared = Object.entries(operations as Readonly<Record<string, Declaring>>);
      return [
        path,
        Object.fromEntries(declared.map(([method, each]) => [method, withErrors(method, each, { slice })])),
      ];
    });
    return {
      ...document,
      paths: Object.fromEntries(paths),
      components: { ...document.components, schemas, responses: ERROR_RESPONSES },
    };
  };
  await app.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: { title, version: "1" },
      components: { securitySchemes: { token: { type: "http", scheme: "bearer", description: TOKENS } } },
      security: [{ token: [] }],
    },
    transformObject: transformObject as SwaggerTransformObject,
  });
}

/** The document at `/openapi.json`, and pages to read it with, that need nothing from elsewhere, at `/docs`. */
export async function serveDocument(app: FastifyInstance): Promise<void> {
  app.get("/openapi.json", { schema: { hide: true } }, async (_request, reply) =>
    reply.type("application/json; charset=utf-8").send(JSON.stringify(app.swagger())),
  );
  await app.register(swaggerUi, { routePrefix: "/docs", staticCSP: PAGES_LOAD, uiConfig: { validatorUrl: null } });
}
