import { orderKeyProof } from "@holdfast/protocol/enrolment";
import { type OrderKeyReply, OrderKeyRequest } from "@holdfast/protocol/orders";
import type { FastifyInstance } from "fastify";
import { Compile } from "typebox/compile";
import type { Credentials } from "../hosts/credentials.ts";
import type { OrderKeys } from "./orders.ts";

const MAX_BYTES = 1_024;
const shape = Compile(OrderKeyRequest);

export interface OrderKeyRouteParts {
  readonly site: string;
  readonly orders: OrderKeys;
  readonly credentials: Pick<Credentials, "hashOf">;
}

/** `POST /v1/order-key`: a machine asks by which key the site signs, and is shown that the site knows it. The key is no secret. */
export function orderKeyRoute(app: FastifyInstance, { site, orders, credentials }: OrderKeyRouteParts): void {
  const options = { bodyLimit: MAX_BYTES, config: { auth: "own" as const }, schema: { hide: true } as object };
  app.post("/v1/order-key", options, async ({ body }, reply) => {
    if (!shape.Check(body))
      return reply.code(400).send({ code: "InvalidArgument", message: "hostId or nonce is wrong" });
    const { hostId, nonce } = body;
    const hash = credentials.hashOf(hostId);
    if (hash === undefined) {
      return reply.code(404).send({ code: "NotFound", message: "this site knows no such machine" });
    }
    const { publicKey: key, keyId } = orders;
    const proof = orderKeyProof(hash, { hostId, siteId: site, nonce, keyId });
    return reply.header("cache-control", "no-store").send({ siteId: site, key, proof } satisfies OrderKeyReply);
  });
}
