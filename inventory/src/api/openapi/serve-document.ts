import swagger, { type SwaggerTransformObject } from "@fastify/swagger";
import swaggerUi from "@fastify/swagger-ui";
import type { FastifyInstance } from "fastify";
import type { Components } from "./components.ts";

/** Collects the routes added after it into one OpenAPI document, which holds these components. */
export async function collectDocument(app: FastifyInstance, title: string, components: Components): Promise<void> {
  const transformObject = (made: Parameters<SwaggerTransformObject>[0]): object => {
    if (!("openapiObject" in made)) throw new TypeError("the document is not OpenAPI 3");
    const { openapiObject: document } = made;
    const schemas = { ...document.components?.schemas, ...components };
    return { ...document, components: { ...document.components, schemas } };
  };
  await app.register(swagger, {
    openapi: { openapi: "3.1.0", info: { title, version: "1" } },
    transformObject: transformObject as SwaggerTransformObject,
  });
}

/** The document at `/openapi.json`, and pages to read it with, that need nothing from elsewhere, at `/docs`. */
export async function serveDocument(app: FastifyInstance): Promise<void> {
  app.get("/openapi.json", { schema: { hide: true } }, async (_request, reply) =>
    reply.type("application/json; charset=utf-8").send(JSON.stringify(app.swagger())),
  );
  await app.register(swaggerUi, { routePrefix: "/docs", staticCSP: true, uiConfig: { validatorUrl: null } });
}
