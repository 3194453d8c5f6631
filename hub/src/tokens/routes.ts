import { FieldFault, type Store } from "@holdfast/inventory";
import { authorFrom } from "@holdfast/inventory/api/asking";
import { isHostId } from "@holdfast/protocol";
import { Fault } from "@holdfast/runtime";
import type { FastifyInstance } from "fastify";
import { type TProperties, Type } from "typebox";
import { checkedBody } from "../checked-body.ts";
import { documented } from "../documented.ts";
import { readSite, SITE_PATH } from "../operator-site.ts";
import type { Enrolments } from "./enrolments.ts";
import type { Tokens } from "./tokens.ts";

const DAY = 86_400;

const SiteTokenRequest = closed({
  name: Type.Optional(Type.String({ maxLength: 64 })),
  validSeconds: Type.Optional(Type.Integer({ minimum: 60, maximum: 3_650 * DAY })),
});

const EnrolmentTokenRequest = closed({
  hostId: Type.Optional(Type.String({ maxLength: 13 })),
  validSeconds: Type.Integer({ minimum: 1, maximum: 30 * DAY, default: 3_600 }),
});

const Time = Type.String({ format: "date-time" });
const EndTime = Type.Unsafe<string | null>({
  type: ["string", "null"],
  format: "date-time",
  description: "null: never",
});

const IssuedSiteToken = closed({ id: Type.String(), token: Type.String(), notAfter: EndTime });
const IssuedEnrolmentToken = closed({ id: Type.String(), token: Type.String(), notAfter: Time });
const SiteTokens = closed({
  tokens: Type.Array(closed({ id: Type.String(), name: Type.String(), createdAt: Time, notAfter: EndTime })),
});

const CREATE_SITE_TOKEN = documented({
  tag: "Sites",
  operationId: "CreateSiteToken",
  summary: "Make a token for a site-node; it is shown once",
  body: SiteTokenRequest,
  answer: IssuedSiteToken,
});
const LIST_SITE_TOKENS = documented({
  tag: "Sites",
  operationId: "ListSiteTokens",
  summary: "The standing tokens of a site, without their secrets",
  answer: SiteTokens,
});
const REVOKE_SITE_TOKEN = documented({
  tag: "Sites",
  operationId: "RevokeSiteToken",
  summary: "Revoke a site's token, at once, also for requests that are held open",
  answer: closed({}),
});
const CREATE_ENROLMENT_TOKEN = documented({
  tag: "Sites",
  operationId: "CreateEnrolmentToken",
  summary: "Make a one-time token by which a machine enrols at the site; it is shown once",
  body: EnrolmentTokenRequest,
  answer: IssuedEnrolmentToken,
});

function closed<P extends TProperties>(properties: P) {
  return Type.Object(properties, { additionalProperties: false });
}

export interface TokenRoutes {
  readonly store: Store;
  readonly tokens: Tokens;
  readonly enrolments: Enrolments;
}

/** Tokens of sites and of machines to come. Each secret is in one answer and nowhere else. */
export function tokenRoutes(app: FastifyInstance, { store, tokens, enrolments }: TokenRoutes): void {
  app.post(`${SITE_PATH}/tokens`, { schema: CREATE_SITE_TOKEN }, async (request, reply) => {
    const site = await readSite(store, request, async (_, found) => found);
    const wanted = checkedBody(SiteTokenRequest, request.body);
    const { id, token, notAfter } = await tokens.createSite({
      by: authorFrom(request),
      name: wanted.name ?? site.siteId,
      tenant: site.tenant,
      site: site.siteId,
      ...(wanted.validSeconds === undefined ? {} : { validSeconds: wanted.validSeconds }),
    });
    return reply.header("cache-control", "no-store").send({ id, token, notAfter: timeOf(notAfter) });
  });

  app.get(`${SITE_PATH}/tokens`, { schema: LIST_SITE_TOKENS }, async (request) => {
    const { siteId } = await readSite(store, request, async (_, found) => found);
    const rows = (await tokens.list()).filter((row) => row.site === siteId && row.revoked_at === null);
    return {
      tokens: rows.map(({ id, name, created_at, not_after }) => {
        return { id, name, createdAt: timeOf(created_at), notAfter: timeOf(not_after) };
      }),
    };
  });

  app.delete(`${SITE_PATH}/tokens/:tokenId`, { schema: REVOKE_SITE_TOKEN }, async (request) => {
    const { siteId } = await readSite(store, request, async (_, found) => found);
    const { tokenId } = request.params as { readonly tokenId: string };
    const held = (await tokens.list()).some((row) => row.id === tokenId && row.site === siteId);
    if (!held || !(await tokens.revoke(tokenId, authorFrom(request)))) throw new Fault("NotFound", "token not found");
    return {};
  });

  app.post(`${SITE_PATH}/enrolment-tokens`, { schema: CREATE_ENROLMENT_TOKEN }, async (request, reply) => {
    const { tenant, siteId: site } = await readSite(store, request, async (_, found) => found);
    const { hostId, validSeconds } = checkedBody(EnrolmentTokenRequest, request.body);
    if (hostId !== undefined && !isHostId(hostId))
      throw new FieldFault("InvalidArgument", ["hostId"], "hostId: is no id of a host");
    const made = await enrolments.issue({
      by: authorFrom(request),
      tenant,
      site,
      validSeconds,
      ...(hostId === undefined ? {} : { hostId }),
    });
    return reply.header("cache-control", "no-store").send({ ...made, notAfter: timeOf(made.notAfter) });
  });
}

function timeOf(at: number | null | undefined): string | null {
  return at === null || at === undefined ? null : new Date(at).toISOString();
}
