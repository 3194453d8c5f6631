import { randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { createServer as createHttps, type ServerOptions as HttpsOptions } from "node:https";
import { Socket } from "node:net";
import { Fault, type Log, seconds } from "@holdfast/runtime";
import Fastify, { type FastifyBaseLogger, type FastifyInstance, LogController, type RawServerDefault } from "fastify";
import { sendError } from "./errors.ts";
import { refuseNoHttp } from "./no-http.ts";
import { refuseUnprintableUrl } from "./printable.ts";

const LARGEST_BODY = 100 * 1024;

/** How long a request may take, milliseconds, unless its route says otherwise. */
export const LONGEST_REQUEST = seconds(15);

/** How long a part of a path may be that is no name of ours, characters. */
export const LONGEST_SEGMENT = 200;
/** As fastify keeps idle connections of servers that it makes itself. */
const KEPT_ALIVE = seconds(72);
const REQUEST_ID = /^[A-Za-z0-9._-]{1,100}$/;

export interface ServerOptions {
  /** Addresses and networks of proxies whose `X-Forwarded-For` says who asks; none unless given. */
  readonly trustedProxies?: readonly string[];
  /** Its certificate and key, and what else TLS is to be; plain HTTP when absent. */
  readonly tls?: HttpsOptions | undefined;
}

/**
 * An HTTP server without routes that speaks as every API here does: JSON in, compact JSON out, errors as
 * `{code, message}`, a request id on every answer, limits on size and time.
 */
export function createServer(log: Log, { trustedProxies = [], tls }: ServerOptions = {}): FastifyInstance {
  const logger: FastifyBaseLogger = log;
  const http = {
    headersTimeout: LONGEST_REQUEST,
    connectionsCheckingInterval: seconds(5),
    // Node refuses what names no host without a word; here it is refused as all else is.
    requireHostHeader: false,
  };
  const app = Fastify<RawServerDefault>({
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: LARGEST_BODY,
    // Nobody else's word is taken for whom a request comes from.
    trustProxy: trustedProxies.length > 0 ? [...trustedProxies] : false,
    requestTimeout: LONGEST_REQUEST,
    handlerTimeout: LONGEST_REQUEST,
    // None: a start that is slow because the machine is busy would be given up, again and again.
    pluginTimeout: 0,
    genReqId: requestId,
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: LONGEST_SEGMENT },
    return503OnClosing: true,
    clientErrorHandler: refuseNoHttp,
    http,
    // Fastify gives a server that it did not make none of the limits.
    ...(tls
      ? {
          serverFactory: (answer) =>
            createHttps({ ...http, ...tls, requestTimeout: LONGEST_REQUEST, keepAliveTimeout: KEPT_ALIVE }, answer),
        }
      : {}),
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
    refuseNoHost(request.raw);
    refuseUnprintableUrl(request.url);
  });
  app.server.on("connect", (_request, socket) => {
    if (socket instanceof Socket) refuseNoHttp({ code: "CONNECT" }, socket);
  });
  // RFC 9110 §10.1.1: an expectation that nobody knows may be passed over.
  app.server.on("checkExpectation", (request, response) => app.server.emit("request", request, response));
  readJsonOnly(app);
  return app;
}

/** RFC 9112 §3.2. */
function refuseNoHost({ headers, httpVersion }: IncomingMessage): void {
  if (headers.host !== undefined || httpVersion === "1.0") return;
  throw new Fault("InvalidArgument", "the request has no Host header");
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
