import { type Clock, Fault, type Log } from "@holdfast/runtime";
import type { FastifyInstance, FastifyPluginAsync, FastifyRequest } from "fastify";
import type { Inventory } from "../inventory.ts";
import type { Commands } from "./commands.ts";
import type { Conflicts } from "./conflicts.ts";
import type { Holds } from "./holds.ts";
import { collectDocument, serveDocument } from "./openapi/serve-document.ts";
import { type Principal, refuseReaders } from "./principal.ts";
import { refuseUnprintable } from "./printable.ts";
import { type AliasOf, Resources } from "./resources.ts";
import { type Mount, mount } from "./routes/route.ts";
import { projectComponents, projectRoutes } from "./routes/routes.ts";
import { createServer } from "./server.ts";
import type { LookAround } from "./situation.ts";

export interface ApiOptions {
  readonly inventory: Inventory;
  /** Who makes a request. Throws Unauthenticated when nobody known does. */
  readonly authenticate: (request: FastifyRequest) => Promise<Principal>;
  readonly clock: Pick<Clock, "now">;
  readonly log: Log;
  /** Of the OpenAPI document. */
  readonly title: string;
  /** Their routes are there when they are. */
  readonly conflicts?: Conflicts;
  readonly commands?: Commands;
  readonly holds?: Holds;
  /** What is shown with resources beside themselves; nothing when absent. */
  readonly situation?: LookAround;
  /** What has become of a machine that is known by another id now. */
  readonly aliasOf?: AliasOf;
  /**
   * The site whose machines are all that is held here. Every answer names it in `holdfast-slice`; of a machine that is not
   * here nobody can say here that there is none, so the answer is 421 NotHeldHere (rule 4).
   */
  readonly slice?: string;
  /** Says where a path is answered that is not answered here: such a request is refused with that, and not as unknown. */
  readonly elsewhere?: (path: string) => string | undefined;
  /** Put on every answer, refusals too. */
  readonly answerHeaders?: () => Readonly<Record<string, string>>;
  /** What `GET /v1/health` answers; `{status: "ok"}` when absent. */
  readonly health?: Health;
  /** Adds a program's own routes, with the same authentication, errors and limits; `config: { auth: "own" }` opts out. */
  readonly extend?: (app: FastifyInstance) => Promise<void> | void;
}

export interface Health {
  /** JSON Schema of the answer, for the document. */
  readonly schema: object;
  answer(): object | Promise<object>;
}

const PLAIN_HEALTH: Health = {
  schema: { type: "object", properties: { status: { type: "string" } }, required: ["status"] },
  answer: () => ({ status: "ok" }),
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
  const { authenticate, log, title, extend, health = PLAIN_HEALTH } = options;
  const app = createServer(log);
  app.decorateRequest("principal", undefined);
  addHeaders(app, options);
  await collectDocument(app, title, projectComponents());
  await serveDocument(app);
  app.get("/v1/health", { schema: documentedHealth(health) }, async () => health.answer());
  const admit = async (request: FastifyRequest) => {
    const principal = await authenticate(request);
    request.principal = principal;
    refuseReaders(request, principal);
  };
  app.setNotFoundHandler({ preHandler: admit }, ({ url }) => {
    const [path = url] = url.split("?");
    const elsewhere = options.elsewhere?.(path);
    if (elsewhere !== undefined) throw new Fault("PermissionDenied", elsewhere);
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
    mount(operators, projectRoutes({ ...options, resources: new Resources(options) }), BY_PATH);
    await extend?.(operators);
  };
  await app.register(operatorRoutes);
  await app.ready();
  return app;
}

function addHeaders(app: FastifyInstance, { slice, answerHeaders }: ApiOptions): void {
  if (slice === undefined && !answerHeaders) return;
  app.addHook("onRequest", async (_request, reply) => {
    if (slice !== undefined) reply.header("holdfast-slice", slice);
    if (answerHeaders) reply.headers(answerHeaders());
  });
}

function documentedHealth({ schema }: Health): object {
  return {
    security: [],
    tags: ["Health"],
    operationId: "GetHealth",
    summary: "Whether the API answers",
    response: { 200: { description: "OK", ...schema } },
  };
}
