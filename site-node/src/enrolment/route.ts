import { type EnrolReply, EnrolRequest } from "@holdfast/protocol/enrolment";
import { type FaultCode, type Log, messageOf } from "@holdfast/runtime";
import type { FastifyInstance } from "fastify";
import { Compile } from "typebox/compile";
import type { RefusalLimit } from "../api/refusal-limit.ts";
import { judgeAgent } from "../hosts/agent-status.ts";
import type { Admission } from "./admit.ts";

const MAX_ENROL_BYTES = 16 * 1024;
const shape = Compile(EnrolRequest);
const UNDOCUMENTED: object = { hide: true };

/** Machines are answered as they always were, which is not quite as operators are. */
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

export interface EnrolRouteParts {
  readonly site: string;
  readonly admit: (request: EnrolRequest) => Promise<Admission>;
  readonly limit: RefusalLimit;
  readonly mqttPort: () => number;
  /** The protocol that this site speaks to agents. */
  readonly protocolVersion?: number | undefined;
  readonly log: Log;
}

/** `POST /v1/enroll`: a machine asks to be admitted, with a one-time token as its proof. */
export function enrolRoute(
  app: FastifyInstance,
  { site, admit, limit, mqttPort, protocolVersion, log }: EnrolRouteParts,
): void {
  const options = { bodyLimit: MAX_ENROL_BYTES, config: { auth: "own" as const }, schema: UNDOCUMENTED };
  app.post("/v1/enroll", options, async ({ body, ip }, reply) => {
    const wait = limit.waitFor(ip);
    if (wait > 0) {
      reply.header("retry-after", Math.ceil(wait / 1_000));
      return reply.code(429).send(said("ResourceExhausted", "too many refused enrolments, wait before the next"));
    }
    if (!shape.Check(body)) return reply.code(400).send(said("InvalidArgument", whatIsWrong(body)));
    const hands = judgeAgent(body, protocolVersion);
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
  });
}

function whatIsWrong(body: unknown): string {
  const places = [...shape.Errors(body)].map(({ instancePath, message, params }) => {
    const named = Object.values(params ?? {})
      .flat()
      .filter((each) => typeof each === "string" && !message.includes(each));
    return `${instancePath.slice(1) || "the body"} ${message}${named.length > 0 ? `: ${named.join(", ")}` : ""}`;
  });
  return places.slice(0, 5).join("; ");
}

function said(code: FaultCode, message: string): { code: FaultCode; message: string } {
  return { code, message: messageOf(message) };
}
