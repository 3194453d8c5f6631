import { FieldFault, type Store, type View } from "@holdfast/inventory";
import { askingOf } from "@holdfast/inventory/api/asking";
import { type Principal, principalOf, tenantFor } from "@holdfast/inventory/api/principal";
import {
  isProjectRole,
  may,
  mayAtHub,
  PROJECT_ROLES,
  type ProjectRole,
  roleActions,
} from "@holdfast/inventory/api/roles";
import { type Clock, Fault } from "@holdfast/runtime";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { Type } from "typebox";
import { checkedBody } from "../checked-body.ts";
import { documented } from "../documented.ts";
import type { HubTables } from "../tables.ts";
import { readFields, writeFields } from "./managed-fields.ts";
import type { TokenRow } from "./tables.ts";
import type { Tokens } from "./tokens.ts";

const DAY = 86_400;
const PATH = "/v1/projects/:projectName/service-tokens";

const Names = Type.Array(Type.String({ maxLength: 100 }), { maxItems: 100 });
const NewServiceTokenRequest = Type.Object(
  {
    name: Type.String({ pattern: "^[A-Za-z0-9._@-]{1,64}$" }),
    roles: Type.Array(Type.Unsafe<ProjectRole | "manager">({ type: "string", enum: [...PROJECT_ROLES, "manager"] }), {
      minItems: 1,
      maxItems: 10,
    }),
    fields: Type.Optional(Names),
    validSeconds: Type.Integer({ minimum: 60, maximum: 3_650 * DAY, default: 90 * DAY }),
    offlineSeconds: Type.Integer({ minimum: 0, maximum: 3_650 * DAY, default: 7 * DAY }),
  },
  { additionalProperties: false },
);

const Time = Type.String({ format: "date-time" });
const SHOWN = {
  id: Type.String(),
  name: Type.String(),
  roles: Names,
  fields: Type.Array(Type.String(), {
    description: "of a manager: the observed fields that it writes; KIND.*: resources that it keeps",
  }),
  createdAt: Time,
  createdBy: Type.String(),
  notAfter: Type.Unsafe<string | null>({ type: ["string", "null"], format: "date-time", description: "null: never" }),
};
const Issued = Type.Object({ ...SHOWN, token: Type.String({ description: "shown here, and never again" }) });
const Listed = Type.Object({ serviceTokens: Type.Array(Type.Object(SHOWN)) });

const of = (operationId: string, summary: string) => ({ tag: "Service tokens" as const, operationId, summary });
const CREATE = documented({
  ...of("CreateServiceToken", "Make a token for a program, in this project alone; it is shown once"),
  body: NewServiceTokenRequest,
  answer: Issued,
});
const LIST = documented({
  ...of("ListServiceTokens", "The standing service tokens of the project, without their secrets"),
  answer: Listed,
});
const REVOKE = documented({
  ...of("RevokeServiceToken", "Revoke a service token, at once"),
  answer: Type.Object({}, { additionalProperties: false }),
});

export interface ServiceRoutes {
  readonly store: Store;
  readonly tokens: Tokens;
  readonly clock: Pick<Clock, "now">;
}

/**
 * Tokens for programs, of one project each. Who may write in the project, or administers the hub, gives out what they may do
 * themselves; managers are made by the hub's administrators.
 */
export function serviceRoutes(app: FastifyInstance, { store, tokens, clock }: ServiceRoutes): void {
  const config = { needs: "own" as const };

  /** The project of a request, once it is sure that its service tokens are the caller's to look after. */
  async function project(request: FastifyRequest): Promise<string> {
    const { projectName } = request.params as { readonly projectName: string };
    const principal = principalOf(request);
    const { id } = await store.read((view) => tenantFor(view, principal, projectName));
    if (may(principal, "write", id) || mayAtHub(principal, "administer")) return id;
    throw new Fault("PermissionDenied", "this role may not look after service tokens");
  }

  app.post(PATH, { config, schema: CREATE }, async (request, reply) => {
    const tenant = await project(request);
    const asked = checkedBody(NewServiceTokenRequest, request.body);
    refuseMore(principalOf(request), tenant, asked.roles);
    const { id, token } = await tokens.createService({
      ...{ name: asked.name, roles: asked.roles, tenants: [tenant], by: askingOf(request, reply) },
      ...{ validSeconds: asked.validSeconds, offlineSeconds: asked.offlineSeconds },
      ...(asked.fields === undefined ? {} : { fields: readFields(asked.fields) }),
    });
    const row = await store.read((view) => serviceToken(view, { tenant, id, now: clock.now() }));
    if (!row) throw new Fault("Internal", "the token that was made is not there");
    return reply.header("cache-control", "no-store").send({ ...shown(row), token });
  });

  app.get(PATH, { config, schema: LIST }, async (request) => {
    const tenant = await project(request);
    const rows = await store.read((view) => serviceTokens(view, tenant, clock.now()).execute());
    return { serviceTokens: rows.map(shown) };
  });

  app.delete(`${PATH}/:tokenId`, { config, schema: REVOKE }, async (request, reply) => {
    const tenant = await project(request);
    const { tokenId: id } = request.params as { readonly tokenId: string };
    const row = await store.read((view) => serviceToken(view, { tenant, id, now: clock.now() }));
    if (!row || !(await tokens.revoke(id, askingOf(request, reply))))
      throw new Fault("NotFound", "service token not found");
    return {};
  });
}

/** Nobody gives out what they may not do themselves. */
function refuseMore(principal: Principal, tenant: string, roles: readonly string[]): void {
  if (mayAtHub(principal, "administer")) return;
  for (const [at, role] of roles.entries()) {
    if (isProjectRole(role) && roleActions(role).every((action) => may(principal, action, tenant))) continue;
    throw new FieldFault(
      "PermissionDenied",
      ["roles"],
      `roles[${at}]: who may not do what ${role} may cannot give it out`,
    );
  }
}

/** Those of one tenant alone that stand, in the order in which they were made. */
function serviceTokens(view: Pick<View, "tables">, tenant: string, now: number) {
  return view
    .tables<HubTables>()
    .selectFrom("token")
    .selectAll()
    .where("tenants", "=", JSON.stringify([tenant]))
    .where("made_by", "is not", null)
    .where("revoked_at", "is", null)
    .where((where) => where.or([where("not_after", "is", null), where("not_after", ">", now)]))
    .orderBy("created_at")
    .orderBy("id");
}

function serviceToken(
  view: Pick<View, "tables">,
  { tenant, id, now }: { readonly tenant: string; readonly id: string; readonly now: number },
): Promise<TokenRow | undefined> {
  return serviceTokens(view, tenant, now).where("id", "=", id).executeTakeFirst();
}

function shown({ id, name, role, roles, fields, created_at, made_by, not_after }: TokenRow) {
  return {
    ...{ id, name, roles: roles === null ? [role] : JSON.parse(roles) },
    fields: fields === null ? [] : writeFields(JSON.parse(fields)),
    ...{ createdAt: timeOf(created_at), createdBy: made_by, notAfter: not_after === null ? null : timeOf(not_after) },
  };
}

function timeOf(at: number): string {
  return new Date(at).toISOString();
}
