import { type Clock, Fault, type Log } from "@holdfast/runtime";
import type { FastifyInstance, FastifyPluginAsync, FastifyRequest } from "fastify";
import type { Authority } from "../authority/authority.ts";
import type { Inventory } from "../inventory.ts";
import { authorise } from "./authorise.ts";
import type { Commands } from "./commands.ts";
import type { Conflicts } from "./conflicts.ts";
import { NotOffered } from "./errors.ts";
import type { Holds } from "./holds.ts";
import { watchMethods } from "./offered-methods.ts";
import { collectDocument, serveDocument } from "./openapi/serve-document.ts";
import type { Principal } from "./principal.ts";
import { refuseUnprintable } from "./printable.ts";
import { PLAIN_PROJECTS, type Projects } from "./projects.ts";
import { requestLimits } from "./request-limits.ts";
import { type AliasOf, Resources } from "./resources.ts";
import { BY_HEADER, BY_PATH, underOldPrefix } from "./routes/mounts.ts";
import { projectRoutesOf } from "./routes/project-routes.ts";
import { contractRoutes, ownRoutes, projectComponents } from "./routes/routes.ts";
import { Switchboard } from "./routes/switchboard.ts";
import { createServer, type ServerOptions } from "./server.ts";
import type { LookAround } from "./situation.ts";

export interface ApiOptions extends ServerOptions {
  readonly inventory: Inventory;
  /** Who makes a request. Throws Unauthenticated when nobody known does. */
  readonly authenticate: (request: FastifyRequest) => Promise<Principal>;
  readonly clock: Clock;
  readonly log: Log;
  /** How many requests a second one address and one token may make; as many as they like when 0 or absent. */
  readonly requestsPerSecond?: number;
  /** Of the OpenAPI document. */
  readonly title: string;
  /** Their routes are there when they are. */
  readonly conflicts?: Conflicts;
  readonly commands?: Commands;
  readonly holds?: Holds;
  /** What is known of projects beside that they are there. */
  readonly projects?: Projects;
  /** What is shown with resources beside themselves; nothing when absent. */
  readonly situation?: LookAround;
  /** What has become of a machine that is known by another id now. */
  readonly aliasOf?: AliasOf;
  /** Takes what managers observe; nobody is one when absent. */
  readonly managed?: Pick<Authority, "observeAsManager">;
  /**
   * The site whose machines are all that is held here. Every answer names it in `holdfast-slice`; of a machine that is not
   * here nobody can say here that there is none, so the answer is 421 NotHeldHere (rule 4).
   */
  readonly slice?: string;
  /** Says where a request is answered that is not answered here: it is refused with that, and not as unknown. */
  readonly elsewhere?: (path: string, method: string) => string | undefined;
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

/**
 * The REST API over an inventory, ready to listen or to inject requests into. Everything but its health, its OpenAPI
 * document and the pages that show that needs a principal.
 */
export async function createApi(options: ApiOptions): Promise<FastifyInstance> {
  const { authenticate, log, title, extend, health = PLAIN_HEALTH } = options;
  const app = createServer(log, options);
  app.decorateRequest("principal", undefined);
  addHeaders(app, options);
  const limits = requestLimits(options);
  app.addHook("onRequest", async (request) => limits.refuseAddress(request));
  const methods = watchMethods(app);
  const switchboard = new Switchboard();
  await collectDocument(app, {
    ...{ title, slice: options.slice !== undefined },
    ...{ paths: () => switchboard.documented(), components: projectComponents },
  });
  await serveDocument(app);
  app.get("/v1/health", { schema: documentedHealth(health) }, async () => health.answer());
  const admit = async (request: FastifyRequest) => {
    const principal = await authenticate(request);
    request.principal = principal;
    limits.refuseToken(principal);
    await authorise(options.inventory.store, request, principal);
  };
  // Looking again is no request.
  const readmit = async (request: FastifyRequest) => {
    const principal = await authenticate(request);
    await authorise(options.inventory.store, request, principal);
    return principal;
  };
  const refuse = ({ url, method }: FastifyRequest): never => {
    const [path = url] = url.split("?");
    const elsewhere = options.elsewhere?.(path, method);
    if (elsewhere !== undefined) throw new Fault("PermissionDenied", elsewhere);
    const allowed = [...new Set([...switchboard.offered(path), ...methods.of(path)])];
    if (allowed.length > 0) throw new NotOffered(method, allowed);
    throw new Fault("NotFound", "no such path");
  };
  app.setNotFoundHandler({ preHandler: admit }, refuse);
  const resources = new Resources({ ...options, readmit });
  app.addHook("preClose", async () => resources.close());
  const operatorRoutes: FastifyPluginAsync = async (operators) => {
    operators.addHook("onRequest", async (request) => {
      if (request.routeOptions.config.auth !== "own") await admit(request);
    });
    // What sites send may hold the control characters of a log; what people send may not.
    operators.addHook("preValidation", async (request) => {
      if (request.routeOptions.config.auth !== "own") refuseUnprintable(request.body);
    });
    const contract = contractRoutes(resources);
    switchboard.add([...contract, ...ownRoutes({ ...options, resources })], BY_PATH);
    switchboard.add(underOldPrefix(contract), BY_HEADER);
    switchboard.mount(operators, refuse);
    projectRoutesOf(operators, { store: options.inventory.store, projects: options.projects ?? PLAIN_PROJECTS });
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
