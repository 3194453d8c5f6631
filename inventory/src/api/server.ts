import { randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { type Log, seconds } from "@holdfast/runtime";
import Fastify, { type FastifyBaseLogger, type FastifyInstance, LogController, type RawServerDefault } from "fastify";
import { sendError } from "./errors.ts";
import { refuseNoHttp } from "./no-http.ts";
import { refuseUnprintableUrl } from "./printable.ts";

const LARGEST_BODY = 100 * 1024;

/** How long a request may take, milliseconds, unless its route says otherwise. */
export const LONGEST_REQUEST = seconds(15);
const REQUEST_ID = /^[A-Za-z0-9._-]{1,100}$/;

/**
 * An HTTP server without routes that speaks as every API here does: JSON in, compact JSON out, errors as
 * `{code, message}`, a request id on every answer, limits on size and time.
 */
export function createServer(log: Log): FastifyInstance {
  const logger: FastifyBaseLogger = log;
  const app = Fastify<RawServerDefault>({
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: LARGEST_BODY,
    requestTimeout: LONGEST_REQUEST,
    handlerTimeout: LONGEST_REQUEST,
    // None: a start that is slow because the machine is busy would be given up, again and again.
    pluginTimeout: 0,
    genReqId: requestId,
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 200 },
    return503OnClosing: true,
    clientErrorHandler: refuseNoHttp,
    frameworkErrors: (error, request, reply) => {
      sendError(log, error, request, reply);
    },
  });
  // Routes check for themselves: the schemas are for the document.
  app.setValidatorCompiler(() => () => true);
  app.setSerializerCompiler(() => (value) => JSON.stringify(value));
  app.setErrorHandler((error, request, reply) => sendError(log, error, request, reply));
  app.addHook("onRequest", async (request, reply) => {
    void reply.header("x-request-id", request.id);
    refuseUnprintableUrl(request.url);
  });
  readJsonOnly(app);
  return app;
}

function requestId(request: IncomingMessage): string {
  const given = request.headers["x-request-id"];
  return typeof given === "string" && REQUEST_ID.test(given) ? given : randomUUID();
}

/** Bodies are JSON; an empty one is none, for clients that name a type and send nothing. */
function readJsonOnly(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser("error", "error");
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("application/json", { parseAs: "string" }, (request, body, done) => {
    if (body.length === 0) return done(null, undefined);
    return parse(request, body.toString(), done);
  });
}
