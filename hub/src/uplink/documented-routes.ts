import {
  Contact,
  ContactReply,
  SiteSession,
  Stream,
  UplinkBatch,
  UplinkRefusal,
  UplinkReply,
} from "@holdfast/protocol";
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
    "With the site's own token. Applied exactly once, however often it comes. At most 1 MiB, gzip taken; 409 says which epoch and number the hub expected; 503 with retry-after when too many sites send their backlogs at once.",
  body: UplinkBatch,
  answer: UplinkReply,
  also: { 409: UplinkRefusal },
});

/** `POST /v1/sites/{siteId}/contact` */
export const SEND_CONTACT = documented({
  tag: "Links of sites",
  operationId: "SendContact",
  summary: "Hear a site that has nothing else to say",
  description:
    "With the site's own token. 409 when what the site was told before proves that the hub has lost history.",
  body: Contact,
  answer: ContactReply,
  also: { 409: UplinkRefusal },
});

/** `GET /v1/sites/self` */
export const GET_SELF = documented({
  tag: "Links of sites",
  operationId: "GetOwnSite",
  summary: "Which site a site's token is for, and in which life the hub is",
  answer: SiteSession,
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
