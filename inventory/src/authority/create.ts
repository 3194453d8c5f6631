import { type FeedPosition, Host, isId, type Kind, type Resource } from "@holdfast/protocol";
import { Fault } from "@holdfast/runtime";
import type { CreateRequest } from "../inventory.ts";
import type { Transaction } from "../store/contract.ts";
import { FieldFault, idTaken } from "../store/faults.ts";
import { positionOf } from "./feed-rows.ts";
import { followedBy } from "./following.ts";
import { freshId } from "./ids.ts";
import { type Fields, normalise } from "./intent-rules.ts";
import { addResource, stampsOf, withoutUndefined } from "./intent-writes.ts";
import { tombstoneOf } from "./tombstones.ts";
import { validateFields, writerOf } from "./validate.ts";
import type { Write } from "./write.ts";

export interface CreateInRequest extends CreateRequest {
  /** Id that every stamp of the creation carries; a fresh one when absent. */
  readonly write?: string;
  /** The site at which it was made; it may make machines and what follows them alone, and only for itself. */
  readonly owner?: string;
}

export interface Created {
  readonly resource: Resource;
  /** False when the same creation had made it before. */
  readonly created: boolean;
  /** Where the feed shows it. */
  readonly at: FeedPosition | undefined;
}

/** What a creation is, once everything that may be left out has been filled in. */
export interface Creation {
  readonly request: CreateInRequest;
  readonly creation: string;
  readonly write: Write;
}

/** Makes a resource, or finds what the same creation made before. */
export async function createResource(tx: Transaction, kind: Kind, making: Creation): Promise<Created> {
  const { request, creation, write } = making;
  const [made] = await tx.find(kind, { creation }, request.tenant);
  if (made) {
    if (request.id !== undefined && request.id !== made.resourceId) throw idTaken(kind, request.id);
    return { resource: made, created: false, at: await positionOf(tx, kind, made) };
  }
  // A site may claim to be anybody, so only what the hub asks by itself counts as the hub's.
  const who = request.owner === undefined ? writerOf(request) : "operator";
  validateFields(kind, request.fields, { who, on: "create" });
  if (request.id !== undefined && !isId(kind.prefix, request.id)) {
    throw new FieldFault("InvalidArgument", ["resourceId"], `${request.id} is no id of a ${kind.name}`);
  }
  const given = withoutUndefined(placed(kind, request, normalise(kind, request.fields)));
  const owner = await ownerOf(tx, kind, request, given);
  await refuseReturned(tx, kind, request);
  const resource: Resource = {
    tenant: request.tenant,
    resourceId: request.id ?? (await freshId(tx, kind, request.tenant)),
    createdAt: write.at,
    updatedAt: write.at,
    generation: 1,
    stamps: stampsOf(kind, given, { write, generation: 1, owner }),
    creation,
    ...(owner === undefined ? {} : { owner }),
    fields: { ...initialFields(kind), ...given },
  };
  return { created: true, ...(await addResource(tx, kind, resource, { given, write })) };
}

/** What a resource of the kind holds before anybody says otherwise. */
export function initialFields(kind: Kind): Fields {
  const entries = Object.entries(kind.fields).map(([name, field]) => [name, field.initial]);
  return withoutUndefined(Object.fromEntries(entries));
}

/** What was made once and then deleted stays deleted, however late the creation comes again (rule 15). */
async function refuseReturned(tx: Transaction, kind: Kind, { tenant, id }: CreateInRequest): Promise<void> {
  if (id === undefined || !(await tombstoneOf(tx, kind, { tenant, resourceId: id }))) return;
  throw new Fault("FailedPrecondition", `${kind.name}_resource ${id} was made before and is gone`);
}

/** A host made at a site is at that site. */
function placed(kind: Kind, { owner }: CreateInRequest, fields: Fields): Fields {
  if (owner === undefined) return fields;
  if (!kind.atSites) {
    throw new Fault("PermissionDenied", `a ${kind.name} is made at the hub`);
  }
  if (kind.name !== Host.name) return fields;
  if ((fields.siteId ?? owner) === owner) return { ...fields, siteId: owner };
  throw new FieldFault("PermissionDenied", ["siteId"], "a site makes hosts for itself alone");
}

async function ownerOf(
  tx: Transaction,
  kind: Kind,
  request: CreateInRequest,
  fields: Fields,
): Promise<string | undefined> {
  if (kind.name === Host.name) return fields.siteId as string | undefined;
  if (kind.follows === undefined) return undefined;
  const named = fields[kind.follows] !== undefined;
  const followed = await followedBy(tx, kind, { tenant: request.tenant, fields });
  // What is not there is refused with all other references.
  if (request.owner !== undefined && (followed || !named) && followed?.resource.owner !== request.owner) {
    const reason = `the site manages no ${kind.fields[kind.follows]?.reference?.kind} that this is about`;
    throw new FieldFault("PermissionDenied", [kind.follows], reason);
  }
  return followed?.resource.owner;
}
