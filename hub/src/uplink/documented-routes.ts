import { Stream, UplinkBatch, UplinkRefusal, UplinkReply } from "@holdfast/protocol";
import { Type } from "typebox";
import { documented } from "../documented.ts";

const Time = Type.String({ format: "date-time" });
const Count = Type.Integer({ minimum: 0 });

/** `POST /v1/sites/{siteId}/uplink` */
export const SEND_UPLINK = documented({
  tag: "Links of sites",
  operationId: "SendUplink",
  summary: "Take a batch of what a site observed and decided",
  description:
    "With the site's own token. Applied exactly once, however often it comes. At most 1 MiB, gzip taken; 409 says which epoch and number the hub expected.",
  body: UplinkBatch,
  answer: UplinkReply,
  also: { 409: UplinkRefusal },
});

/** `GET /v1/sites/self` */
export const GET_SELF = documented({
  tag: "Links of sites",
  operationId: "GetOwnSite",
  summary: "Which site a site's token is for, and in which life the hub is",
  answer: Type.Object({
    siteId: Type.String(),
    tenant: Type.Object({ id: Type.String(), name: Type.String() }),
    epoch: Type.String(),
    protocol: Type.Integer(),
    capabilities: Type.Array(Type.String()),
  }),
});

/** `GET …/sites/{siteId}/status` */
export const GET_STATUS = documented({
  tag: "Sites",
  operationId: "GetSiteStatus",
  summary: "How far the hub has followed a site, and when it last heard of it",
  answer: Type.Object({
    siteId: Type.String(),
    stream: Type.Unsafe<Stream | null>({ anyOf: [Stream, { type: "null" }] }),
    cursor: Type.Integer({ minimum: 0, description: "number of the last entry applied" }),
    lastUplinkAt: Type.Unsafe<string | null>({ type: ["string", "null"], format: "date-time" }),
    waiting: Type.Integer({ minimum: 0, description: "requests that the site holds open" }),
    quarantined: Count,
  }),
});

/** `GET …/sites/{siteId}/quarantine` */
export const GET_QUARANTINE = documented({
  tag: "Sites",
  operationId: "ListQuarantine",
  summary: "What a site sent and the hub could not apply, newest first",
  answer: Type.Object({
    siteId: Type.String(),
    entries: Type.Array(
      Type.Object({
        stream: Stream,
        seq: Type.Integer(),
        quarantinedAt: Time,
        reason: Type.String(),
        entry: Type.String({ description: "as it was sent, JSON, its beginning when it is long" }),
      }),
    ),
    total: Count,
  }),
});
