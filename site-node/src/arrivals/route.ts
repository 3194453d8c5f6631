import { type ArrivalReply, ArrivalRequest, welcomeProof } from "@holdfast/protocol/enrolment";
import type { Log } from "@holdfast/runtime";
import type { FastifyInstance } from "fastify";
import { Compile } from "typebox/compile";
import type { RefusalLimit } from "../api/refusal-limit.ts";
import type { Arrivals } from "./arrivals.ts";

const MAX_ARRIVAL_BYTES = 4 * 1024;
const shape = Compile(ArrivalRequest);
const UNDOCUMENTED: object = { hide: true };

export interface ArrivalRouteParts {
  readonly site: string;
  readonly arrivals: Pick<Arrivals, "take">;
  /** Counts wrong secrets and machines that were not seen before; one that asks again and again is no guesser. */
  readonly limit: RefusalLimit;
  readonly mqttPort: () => number;
  readonly log: Log;
}

/** `POST /v1/arrivals`: a machine that another site has admitted, or whose secret the broker refuses, shows up. */
export function arrivalRoute(app: FastifyInstance, { site, arrivals, limit, mqttPort, log }: ArrivalRouteParts): void {
  const options = { bodyLimit: MAX_ARRIVAL_BYTES, config: { auth: "own" as const }, schema: UNDOCUMENTED };
  app.post("/v1/arrivals", options, async ({ body, ip }, reply) => {
    const wait = limit.waitFor(ip);
    if (wait > 0) {
      reply.header("retry-after", Math.ceil(wait / 1_000));
      return reply.code(429).send({ code: "ResourceExhausted", message: "too many arrivals, wait before the next" });
    }
    if (!shape.Check(body)) return reply.code(400).send({ code: "InvalidArgument", message: whatIsWrong(body) });
    const welcome = await arrivals.take(body);
    if (welcome.is === "wrong-secret" || (welcome.is === "misplaced" && welcome.isNew)) {
      limit.refused(ip);
      log.warn({ host: body.hostId, machine: body.machine, is: welcome.is }, "a machine has shown up");
    }
    const state = welcome.is === "welcome" ? "welcome" : "misplaced";
    const port = mqttPort();
    const { hostId, nonce } = body;
    const proof =
      welcome.is === "welcome" ? { proof: welcomeProof(welcome.hash, { hostId, siteId: site, nonce, port }) } : {};
    const answer: ArrivalReply = { state, siteId: site, mqtt: { port }, ...proof };
    return reply.header("cache-control", "no-store").send(answer);
  });
}

/** Names the field and never its value, which may be a secret. */
function whatIsWrong(body: unknown): string {
  const places = [...shape.Errors(body)].map(({ instancePath, message }) => {
    return `${instancePath.slice(1) || "the body"} ${message}`;
  });
  return places.slice(0, 5).join("; ");
}
