import { type Clock, Fault, type Log } from "@holdfast/runtime";
import type { FastifyInstance, FastifyPluginAsync, FastifyRequest } from "fastify";
import type { Inventory } from "../inventory.ts";
import { collectDocument, serveDocument } from "./openapi/serve-document.ts";
import { type Principal, refuseReaders } from "./principal.ts";
import { refuseUnprintable } from "./printable.ts";
import { Resources } from "./resources.ts";
import { type Mount, mount } from "./routes/route.ts";
import { projectComponents, projectRoutes } from "./routes/routes.ts";
import { createServer } from "./server.ts";

export interface ApiOptions {
  readonly inventory: Inventory;
  /** Who makes a request. Throws Unauthenticated when nobody known does. */
  readonly authenticate: (request: FastifyRequest) => Promise<Principal>;
  readonly clock: Pick<Clock, "now">;
  readonly log: Log;
  /** Of the OpenAPI document. */
  readonly title: string;
  /** Adds a program's own routes, with the same authentication, errors and limits; `config: { auth: "own" }` opts out. */
  readonly extend?: (app: FastifyInstance) => Promise<void> | void;
}

const HEALTH = {
  security: [],
  tags: ["Health"],
  operationId: "GetHealth",
  summary: "Whether the API answers",
  response: {
    200: { description: "OK", type: "object", properties: { status: { type: "string" } }, required: ["status"] },
  },
};

const BY_PATH: Mount = {
  prefix: "/v1/projects/{projectName}",
  operationSuffix: "",
  parameters: ["projectName"],
  projectOf: (request) => (request.params as { readonly projectName: string }).projectName,
};

/**
 * The REST API over an inventory, ready to listen or to inject requests into. Everything but its health, its OpenAPI
 * document and the pages that show that needs a principal.
 */
export async function createApi(options: ApiOptions): Promise<FastifyInstance> {
  const { inventory, authenticate, clock, log, title, extend } = options;
  const app = createServer(log);
  app.decorateRequest("principal", undefined);
  await collectDocument(app, title, projectComponents());
  await serveDocument(app);
  app.get("/v1/health", { schema: HEALTH }, async () => ({ status: "ok" }));
  const admit = async (request: FastifyRequest) => {
    const principal = await authenticate(request);
    request.principal = principal;
    refuseReaders(request, principal);
  };
  app.setNotFoundHandler({ preHandler: admit }, () => {
    throw new Fault("NotFound", "no such path");
  });
  const operatorRoutes: FastifyPluginAsync = async (operators) => {
    operators.addHook("onRequest", async (request) => {
      if (request.routeOptions.config.auth !== "own") await admit(request);
    });
    // What sites send may hold the control characters of a log; what people send may not.
    operators.addHook("preValidation", async (request) => {
      if (request.routeOptions.config.auth !== "own") refuseUnprintable(request.body);
    });
    mount(operators, projectRoutes(new Resources({ inventory, clock })), BY_PATH);
    await extend?.(operators);
  };
  await app.register(operatorRoutes);
  await app.ready();
  return app;
}
