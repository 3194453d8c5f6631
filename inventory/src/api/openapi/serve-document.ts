import swagger, { type SwaggerTransformObject } from "@fastify/swagger";
import swaggerUi from "@fastify/swagger-ui";
import type { FastifyInstance } from "fastify";
import type { Components } from "./components.ts";

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

/** Collects the routes added after it into one OpenAPI document, which holds these components. */
export async function collectDocument(app: FastifyInstance, title: string, components: Components): Promise<void> {
  const transformObject = (made: Parameters<SwaggerTransformObject>[0]): object => {
    if (!("openapiObject" in made)) throw new TypeError("the document is not OpenAPI 3");
    const { openapiObject: document } = made;
    const schemas = { ...document.components?.schemas, ...components };
    return { ...document, components: { ...document.components, schemas } };
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
