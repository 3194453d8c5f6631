import { seconds } from "@holdfast/runtime";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { Author } from "../author.ts";
import type { Asking } from "../inventory.ts";
import { principalOf } from "./principal.ts";

/** How long a request may wait for another's word on it, milliseconds. */
export const LONGEST_WAIT = seconds(30);

const WAIT = /^\s*wait\s*=\s*"?(\d{1,9})"?\s*(;|$)/i;

/**
 * Who makes a request and how long for: `Prefer: wait=N`, seconds, 30 at most. A preference that is not understood is passed
 * over (RFC 7240 §2). The answer tells how safe a write is in `holdfast-durability` and, when it became a conflict, which in
 * `holdfast-conflict`.
 */
export function askingOf(request: FastifyRequest, reply: FastifyReply): Asking {
  const waitFor = preferredWait(request.headers.prefer);
  return {
    ...authorFrom(request),
    ...(waitFor === undefined ? {} : { waitFor }),
    durable({ held, conflict }) {
      reply.header("holdfast-durability", held);
      if (conflict !== undefined) reply.header("holdfast-conflict", conflict);
    },
  };
}

/** Who makes a request, by which token and from where. */
export function authorFrom(request: FastifyRequest): Author {
  const { actor, token } = principalOf(request);
  return { actor, address: request.ip, request: request.id, ...(token === undefined ? {} : { token }) };
}

function preferredWait(header: string | readonly string[] | undefined): number | undefined {
  const preferences = String(header ?? "").split(",");
  const wait = preferences.map((each) => WAIT.exec(each)?.[1]).find((each) => each !== undefined);
  return wait === undefined ? undefined : Math.min(seconds(Number(wait)), LONGEST_WAIT);
}
