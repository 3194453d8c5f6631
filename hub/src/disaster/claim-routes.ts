import { refuseUnprintable } from "@holdfast/inventory/api/printable";
import { type Offer, RecoveryClaim, RecoveryClaimReply, type SiteRefusal } from "@holdfast/protocol";
import { Fault } from "@holdfast/runtime";
import type { FastifyInstance } from "fastify";
import { Value } from "typebox/value";
import { documented } from "../documented.ts";
import { bearerToken, versionRefusal } from "../tokens/bearer.ts";
import type { Recovering } from "./recovering.ts";

/** Nobody has proved anything yet, so nobody is listened to for long. */
const LARGEST_CLAIM = 16 * 1024;

const CLAIM = documented({
  tag: "Links of sites",
  operationId: "ClaimSite",
  summary: "Say which site one is, to a hub that has lost its disk",
  description:
    "With the site's own token, which the hub does not know: it gives no rights until an operator has compared its fingerprint.",
  body: RecoveryClaim,
  answer: RecoveryClaimReply,
});

/** What a site is answered whose token a recovering hub does not know. */
const CLAIM_WANTED: SiteRefusal = {
  code: "Unauthenticated",
  message:
    "the hub has lost its disk and does not know this token: send a claim, and have an operator compare its fingerprint",
  recovering: true,
};

/**
 * Where sites make their claims, and how they learn that they should: whatever a site asks with a token that is not known. To
 * be added before the routes that sites use.
 */
export function claimRoutes(app: FastifyInstance, recovering: Recovering, offer?: Offer): void {
  app.addHook("onSend", async (request, reply, payload) => {
    if (reply.statusCode !== 401 || request.routeOptions.config.auth !== "own") return payload;
    return (await recovering.active()) ? JSON.stringify(CLAIM_WANTED) : payload;
  });
  const options = { config: { auth: "own" }, schema: CLAIM, bodyLimit: LARGEST_CLAIM } as const;
  app.post("/v1/recovery/claims", options, async (request, reply) => {
    const refusal = versionRefusal(request, offer);
    if (refusal) return reply.code(426).send({ code: "FailedPrecondition", message: refusal });
    const token = bearerToken(request);
    if (token === undefined) throw new Fault("Unauthenticated", "a claim is made with the site's token as bearer");
    return recovering.claim(checked(request.body), { token, address: request.ip });
  });
}

function checked(body: unknown): RecoveryClaim {
  const [error] = Value.Errors(RecoveryClaim, body);
  if (error) throw new Fault("InvalidArgument", `claim: ${error.instancePath || "/"} ${error.message}`);
  // Operators see it on their screens.
  refuseUnprintable(body);
  return body as RecoveryClaim;
}
