import type { Store } from "@holdfast/inventory";
import { principalOf, tenantFor } from "@holdfast/inventory/api/principal";
import { readQuery } from "@holdfast/inventory/api/query";
import { mayAtHub } from "@holdfast/inventory/api/roles";
import { type AuditQuery, auditPage } from "@holdfast/inventory/audit/query";
import { Fault } from "@holdfast/runtime";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { Type } from "typebox";
import { documented } from "../documented.ts";
import { AUDIT_FILTERS, filtersOf } from "./filters.ts";

const Text = Type.String();
const Time = Type.String({ format: "date-time" });
const Fields = Type.Unsafe<object | null>({ type: ["object", "null"], additionalProperties: true });
const Hash = Type.String({ description: "hex; empty where nothing came before" });

const Entry = Type.Object(
  {
    ...{ seq: Type.Integer(), at: Time, projectId: Text, actor: Text, kind: Text, resourceId: Text },
    operation: Type.Unsafe<string>({ type: "string", enum: ["create", "update", "delete", "conflict", "refuse"] }),
    ...{ before: Fields, after: Fields, write: Type.Optional(Text), tokenId: Type.Optional(Text) },
    ...{ address: Type.Optional(Text), requestId: Type.Optional(Text), wantedAt: Type.Optional(Time) },
    ...{ previous: Hash, previousInHub: Hash, hash: Hash },
  },
  { additionalProperties: false },
);

const Page = Type.Object(
  {
    entries: Type.Array(Entry),
    nextPageToken: Type.Optional(
      Type.String({ description: "Go on while there is one: a page may hold few entries, or none, before the end." }),
    ),
  },
  { additionalProperties: false },
);

const QUERY = {
  ...AUDIT_FILTERS,
  order: { type: "string", enum: ["newest", "oldest"], default: "newest" },
  pageSize: { type: "integer", minimum: 1, maximum: 1_000, default: 100 },
  pageToken: { type: "string", pattern: "^[0-9]{1,15}$" },
} as const;

const described = (operationId: string, summary: string) =>
  documented({
    ...{ tag: "Audit" as const, operationId, summary },
    query: { type: "object", properties: QUERY },
    answer: Page,
  });

/** Who did what: of one project, for its auditors and whoever may write there; of all and the hub, for its administrators. */
export function auditRoutes(app: FastifyInstance, { store }: { readonly store: Pick<Store, "read"> }): void {
  app.get(
    "/v1/projects/:projectName/audit",
    {
      schema: described("ListAuditEntries", "What was done in the project, by whom and from where"),
      config: { needs: ["audit", "write"] },
    },
    async (request) => {
      const { projectName } = request.params as { readonly projectName: string };
      const query = queryOf(request);
      return store.read(async (view) => {
        const { id: tenant } = await tenantFor(view, principalOf(request), projectName);
        return pageOf(await auditPage(view, { ...query, tenant }));
      });
    },
  );
  app.get(
    "/v1/audit",
    {
      schema: described("ListHubAuditEntries", "What was done at the hub and in every project, by whom and from where"),
      config: { needs: "own" },
    },
    async (request) => {
      if (!mayAtHub(principalOf(request), "administer")) {
        throw new Fault("PermissionDenied", "the audit log of the hub is for its administrators");
      }
      const query = queryOf(request);
      return store.read(async (view) => pageOf(await auditPage(view, query)));
    },
  );
}

function queryOf(request: FastifyRequest): AuditQuery {
  const { order = "newest", pageSize = 100, pageToken, ...filters } = readQuery(QUERY, request.query);
  return {
    ...filtersOf(filters as Parameters<typeof filtersOf>[0]),
    order: order === "oldest" ? "oldest" : "newest",
    limit: Number(pageSize),
    ...(pageToken === undefined ? {} : { after: Number(pageToken) }),
  };
}

function pageOf({ entries, next }: Awaited<ReturnType<typeof auditPage>>): object {
  return { entries, ...(next === undefined ? {} : { nextPageToken: String(next) }) };
}
