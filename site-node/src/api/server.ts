import { type EnrolReply, EnrolRequest, type SiteHealth } from "@holdfast/protocol/enrolment";
import { Fault, type FaultCode, type Log, listenFault, messageOf } from "@holdfast/runtime";
import { type FastifyInstance, fastify } from "fastify";
import type { Admission } from "../enrolment/admit.ts";
import type { RefusalLimit } from "../enrolment/refusal-limit.ts";
import { judgeAgent } from "../hosts/agent-status.ts";

const MAX_ENROL_BYTES = 16 * 1024;

export interface ServerOptions {
  readonly site: string;
  readonly listen: { readonly host: string; readonly port: number };
  readonly admit: (request: EnrolRequest) => Promise<Admission>;
  readonly limit: RefusalLimit;
  readonly mqttPort: () => number;
  readonly status: () => Promise<object>;
  readonly log: Log;
}

export interface SiteServer {
  readonly port: number;
  readonly url: string;
  close(): Promise<void>;
}

const HTTP_STATUS: Partial<Record<FaultCode, number>> = {
  InvalidArgument: 400,
  Unauthenticated: 401,
  PermissionDenied: 403,
  NotFound: 404,
  AlreadyExists: 409,
  FailedPrecondition: 409,
  ResourceExhausted: 429,
  Unavailable: 503,
};

/** The site's own HTTP server. Faults with FailedPrecondition when the port is taken. */
export async function startServer(options: ServerOptions): Promise<SiteServer> {
  const { listen } = options;
  const app = fastify({
    bodyLimit: 1024 * 1024,
    requestTimeout: 30_000,
    forceCloseConnections: true,
    // Nothing is made of what was sent but what was sent: no coercion, no leaving out.
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false, useDefaults: false, allErrors: true } },
  });
  answerErrors(app, options.log);
  app.get("/v1/health", async (): Promise<SiteHealth> => ({ status: "active", mqtt: { port: options.mqttPort() } }));
  app.get("/v1/status", () => options.status());
  enrolRoute(app, options);
  try {
    await app.listen({ host: listen.host, port: listen.port });
  } catch (cause) {
    await app.close();
    throw listenFault(cause, "--site-port", listen.port);
  }
  const address = app.server.address();
  const port = typeof address === "object" && address ? address.port : listen.port;
  const host = listen.host.includes(":") ? `[${listen.host}]` : listen.host;
  return { port, url: `http://${host}:${port}`, close: () => app.close() };
}

function enrolRoute(app: FastifyInstance, { site, admit, limit, mqttPort, log }: ServerOptions): void {
  app.post<{ Body: EnrolRequest }>(
    "/v1/enroll",
    { bodyLimit: MAX_ENROL_BYTES, schema: { body: EnrolRequest } },
    async ({ body, ip }, reply) => {
      const wait = limit.waitFor(ip);
      if (wait > 0) {
        reply.header("retry-after", Math.ceil(wait / 1_000));
        return reply.code(429).send(said("ResourceExhausted", "too many refused enrolments, wait before the next"));
      }
      const hands = judgeAgent(body);
      if (!hands.accepted) return reply.code(426).send(said("FailedPrecondition", hands.reason));
      const admission = await admit(body);
      if (!admission.admitted) {
        const { code, reason } = admission;
        if (code === "Unauthenticated") limit.refused(ip);
        log.warn({ machine: body.machine, code, reason }, "machine not admitted");
        return reply.code(HTTP_STATUS[code] ?? 500).send(said(code, reason));
      }
      const { hostId, secret } = admission;
      log.info({ machine: body.machine, host: hostId }, "machine admitted");
      const answer: EnrolReply = {
        hostId,
        siteId: site,
        secret,
        mqtt: { port: mqttPort() },
        protocol: hands.version,
        capabilities: [...hands.capabilities],
      };
      return reply.header("cache-control", "no-store").send(answer);
    },
  );
}

function answerErrors(app: FastifyInstance, log: Log): void {
  app.setNotFoundHandler((request, reply) => {
    reply.code(404).send(said("NotFound", `no route ${request.method} ${request.url.split("?")[0]}`));
  });
  app.setErrorHandler((error: Error & { statusCode?: number; validation?: unknown }, request, reply) => {
    if (error instanceof Fault) return reply.code(HTTP_STATUS[error.code] ?? 500).send(said(error.code, error.message));
    const status = error.validation ? 400 : (error.statusCode ?? 500);
    if (status < 500) return reply.code(status).send(said("InvalidArgument", error.message));
    log.error({ err: error, url: request.url }, "a request failed");
    return reply.code(500).send(said("Internal", "an internal error; the site-node's log has more"));
  });
}

function said(code: FaultCode, message: string): { code: FaultCode; message: string } {
  return { code, message: messageOf(message) };
}
