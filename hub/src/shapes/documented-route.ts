import { FEED_TABLE } from "@holdfast/protocol";
import { Type } from "typebox";
import { documented } from "../documented.ts";

const Flag = Type.Optional(Type.Unsafe<"true" | "false">({ type: "string", enum: ["true", "false"] }));

/** `GET /v1/shape` */
export const GET_SHAPE = documented({
  tag: "Links of sites",
  operationId: "GetShape",
  summary: "Follow what a site must know: snapshot, catch-up, long poll, server-sent events",
  description:
    "With a site's own token. The Electric Shape HTTP protocol, as its official client 1.5 asks; 409 says that the follower must start anew.",
  query: Type.Object({
    table: Type.String({ description: `always ${FEED_TABLE}` }),
    where: Type.String({ description: "scope = $1, or scope = 'a scope': the site's own or its tenant's" }),
    "params[1]": Type.Optional(Type.String({ description: "the scope, when where says $1" })),
    offset: Type.String({ description: "-1, now, or the electric-offset of the last answer" }),
    handle: Type.Optional(Type.String({ description: "the electric-handle of the last answer" })),
    live: Flag,
    live_sse: Flag,
    cursor: Type.Optional(Type.String({ description: "the electric-cursor of the last live answer" })),
  }),
  answer: Type.Array(
    Type.Object({
      headers: Type.Record(Type.String(), Type.Unknown()),
      key: Type.Optional(Type.String()),
      value: Type.Optional(Type.Record(Type.String(), Type.String())),
    }),
  ),
});
