import type { Store, View } from "@holdfast/inventory";
import type { Holds } from "@holdfast/inventory/api/holds";
import { HOLD_REASONS, Stream, siteScope } from "@holdfast/protocol";
import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import { documented } from "../documented.ts";
import { type AddressedSite, readSite, SITE_PATH } from "../operator-site.ts";
import { accountOf } from "../recovery/account.ts";
import type { HubTables } from "../tables.ts";
import { countQuarantined } from "../uplink/quarantine.ts";
import { streamOf } from "../uplink/streams.ts";
import type { Contacts } from "./contacts.ts";

const Time = Type.String({ format: "date-time" });
const Count = Type.Integer({ minimum: 0 });

function orNull(schema: object) {
  return Type.Unsafe<unknown>({ anyOf: [schema, { type: "null" }] });
}

const GET_STATUS = documented({
  tag: "Sites",
  operationId: "GetSiteStatus",
  summary: "Whether the hub hears a site, how far it has followed it, and what waits for an operator there",
  answer: Type.Object({
    siteId: Type.String(),
    heardAt: orNull({ ...Time, description: "when it was last heard; now, while it is connected" }),
    silentSince: orNull({ ...Time, description: "its machines are unknown since then" }),
    protocol: orNull({ ...Count, description: "the version that it speaks" }),
    refused: orNull(Type.Object({ reason: Type.String(), at: Time }, { description: "it was turned away for that" })),
    stream: orNull(Stream),
    cursor: Type.Integer({ minimum: 0, description: "number of the last entry applied" }),
    lastUplinkAt: orNull(Time),
    openRequests: Type.Integer({ minimum: 0, description: "requests that the site holds open" }),
    quarantined: Count,
    openConflicts: Type.Integer({ minimum: 0, description: "that are shown at the site" }),
    recovery: orNull(
      Type.Object(
        {
          state: Type.Unsafe<string>({
            type: "string",
            enum: ["telling", "told", "unable"],
            description:
              "`unable`: it speaks a version that cannot tell what it holds; upgrade it before the next restore",
          }),
          toldAt: orNull(Time),
          unknownMachines: Type.Array(Type.Object({ kind: Type.String(), id: Type.String(), reportedAt: Time }), {
            description:
              "the site has them, and this hub has lost them; what the site says of them is in the quarantine",
          }),
        },
        { description: "what the site has told a hub that lost history; null in the hub's first life" },
      ),
    ),
    hold: orNull(
      Type.Object(
        { id: Type.String(), reason: Type.Unsafe<string>({ type: "string", enum: HOLD_REASONS }), since: Time },
        { description: "disruptive commands wait there for an operator's word" },
      ),
    ),
  }),
});

export interface StatusParts {
  readonly store: Pick<Store, "read">;
  readonly contacts: Pick<Contacts, "contactOf" | "linkOf">;
  readonly holds: Pick<Holds, "list">;
  /** How many requests a site holds open. */
  readonly openRequests: (site: string) => number;
}

/** `GET …/sites/{siteId}/status`: what operators see of a site's link. */
export function statusRoute(app: FastifyInstance, parts: StatusParts): void {
  app.get(`${SITE_PATH}/status`, { schema: GET_STATUS }, (request) =>
    readSite(parts.store, request, (view, site) => statusOf(view, site, parts)),
  );
}

async function statusOf(view: View, { tenant, siteId }: AddressedSite, parts: StatusParts): Promise<object> {
  const { contacts, holds, openRequests } = parts;
  const contact = contacts.contactOf(siteId);
  const { protocol, refusal } = contacts.linkOf(siteId);
  const stream = await streamOf(view, siteId);
  const account = await accountOf(view, { site: siteId, tenant, protocol });
  const hold = (await holds.list(view, tenant)).find((each) => each.siteId === siteId);
  return {
    siteId,
    heardAt: timeOf(contact?.heardAt),
    silentSince: timeOf(contact?.silentSince),
    protocol: protocol ?? null,
    refused: refusal ? { reason: refusal.reason, at: timeOf(refusal.at) } : null,
    stream: stream ? { epoch: stream.epoch, incarnation: stream.incarnation } : null,
    cursor: stream?.cursor ?? 0,
    lastUplinkAt: timeOf(stream?.last_at),
    openRequests: openRequests(siteId),
    quarantined: await countQuarantined(view, siteId),
    openConflicts: await countConflicts(view, tenant, siteId),
    recovery: account
      ? {
          state: account.state,
          toldAt: timeOf(account.at),
          unknownMachines: account.unknown.map(({ at, ...machine }) => ({ ...machine, reportedAt: timeOf(at) })),
        }
      : null,
    hold: hold ? { id: hold.hold, reason: hold.reason, since: timeOf(hold.since) } : null,
  };
}

/** Those that the site's feed shows. */
async function countConflicts(view: View, tenant: string, site: string): Promise<number> {
  const row = await view
    .tables<HubTables>()
    .selectFrom("open_conflict")
    .select((select) => select.fn.countAll<number>().as("count"))
    .where("tenant", "=", tenant)
    .where("scopes", "like", `%${JSON.stringify(siteScope(site))}%`)
    .executeTakeFirstOrThrow();
  return Number(row.count);
}

function timeOf(at: number | undefined): string | null {
  return at === undefined ? null : new Date(Number(at)).toISOString();
}
