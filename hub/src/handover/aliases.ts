import { type Authority, type AuthorityListener, FieldFault, type Transaction, type View } from "@holdfast/inventory";
import {
  type AliasBody,
  type CreateIntent,
  type FeedPosition,
  Host,
  isHostId,
  type Kind,
  type Resource,
  ROW,
  siteScope,
} from "@holdfast/protocol";
import type { HubTables } from "../tables.ts";
import { actorAt, authorAt } from "../uplink/actor.ts";
import type { Applied, Origin } from "../uplink/origin.ts";
import type { AliasPort } from "../uplink/ports.ts";
import { type MergeParts, mergeInto } from "./merge.ts";
import type { HostAliasRow } from "./tables.ts";

/** With the survivor go its other names. */
export const aliasListener: AuthorityListener = {
  async gone(tx, { kind, resource: { tenant, resourceId } }) {
    if (kind.name !== Host.name) return;
    for (const { alias, site } of await namesOf(tx, tenant, resourceId)) {
      await tx.appendFeed(siteScope(site), ROW.alias, alias, null);
    }
    const tables = tx.tables<HubTables>();
    await tables.deleteFrom("host_alias").where("tenant", "=", tenant).where("of", "=", resourceId).execute();
  },
};

export interface AliasParts extends MergeParts {
  readonly authority: Pick<Authority, "createIn" | "forceDeleteIn" | "settleIn">;
}

/** States that a site reports of a host as which a machine was admitted. */
const BOUND = new Set(["HOST_STATE_REGISTERED", "HOST_STATE_ONBOARDED", "HOST_STATE_UNTRUSTED"]);

/** Two ids of one machine (rule 5): the id to which a machine is bound survives, the other means the same from then on. */
export function createAliases(parts: AliasParts): AliasPort {
  return {
    async sameMachine(tx, { entry, kind, origin }) {
      const known = await knownAs(tx, kind, entry, origin);
      if (!known) return undefined;
      const isBound = BOUND.has(String(known.fields.currentState));
      const isAdmitted = wasAdmitted(entry);
      if (isBound && isAdmitted) return undefined;
      return isAdmitted
        ? siteSurvives(tx, parts, { entry, origin, known })
        : hubSurvives(tx, parts, { entry, origin, known });
    },
    async recoverAlias(tx, { id, body, origin }) {
      const { tenant } = origin;
      if (body.kind !== Host.name || !isHostId(id) || (await tx.get(Host, tenant, id))) return;
      // What another site's hosts are called too is not this one's to say.
      if ((await tx.get(Host, tenant, body.of))?.owner !== origin.site) return;
      await remember(tx, { alias: id, of: body.of, origin });
    },
    async aliasOf(view, tenant, id) {
      const row = await view
        .tables<HubTables>()
        .selectFrom("host_alias")
        .select("of")
        .where("tenant", "=", tenant)
        .where("alias", "=", id)
        .executeTakeFirst();
      // What is there is itself, whatever else was said of its id before it came.
      return row && !(await view.get(Host, tenant, id)) ? row.of : undefined;
    },
  };
}

/** Sites of protocol 1 do not say it: what they made by themselves were machines that they admitted. */
function wasAdmitted({ bound, actor }: CreateIntent): boolean {
  return bound ?? isOfMachine(actor);
}

interface Meeting {
  readonly entry: CreateIntent;
  readonly origin: Origin;
  /** As which host the hub knows the machine. */
  readonly known: Resource;
}

/** The one other host of the tenant with the same serial number or UUID, if it is not on its way out. */
async function knownAs(
  tx: Transaction,
  kind: Kind,
  { id, fields }: CreateIntent,
  { tenant }: Origin,
): Promise<Resource | undefined> {
  if (kind.name !== Host.name) return undefined;
  const found = new Map<string, Resource>();
  for (const name of ["serialNumber", "uuid"] as const) {
    const value = fields[name];
    if (typeof value !== "string" || value === "") continue;
    const wanted = name === "uuid" ? value.toLowerCase() : value;
    for (const host of await tx.find(Host, { [name]: wanted }, tenant)) found.set(host.resourceId, host);
  }
  const [only, ...others] = [...found.values()].filter(({ resourceId }) => resourceId !== id);
  if (!only || others.length > 0 || only.fields.desiredState === "HOST_STATE_DELETED") return undefined;
  // Two machines may share a serial number that their maker never set; their UUIDs then differ.
  const differs = (["serialNumber", "uuid"] as const).some((name) => {
    const [a, b] = [fields[name], only.fields[name]];
    return typeof a === "string" && a !== "" && typeof b === "string" && a.toLowerCase() !== b.toLowerCase();
  });
  return differs ? undefined : only;
}

async function hubSurvives(tx: Transaction, parts: AliasParts, { entry, origin, known }: Meeting): Promise<Applied> {
  await mergeInto(tx, parts, {
    into: known,
    tenant: origin.tenant,
    by: origin.site,
    actor: actorAt(origin.site, entry.actor),
    write: entry.intent,
    at: entry.at,
    byMachine: isOfMachine(entry.actor),
    fields: entry.fields,
  });
  const at = await remember(tx, { alias: entry.id, of: known.resourceId, origin });
  return { result: "applied", alias: known.resourceId, at };
}

async function siteSurvives(
  tx: Transaction,
  parts: AliasParts,
  { entry, origin, known }: Meeting,
): Promise<Applied | undefined> {
  const { tenant, site, now } = origin;
  const id = known.resourceId;
  // An installation stands on that id: whoever began it must be asked.
  if ((await tx.referrers(Host, tenant, id)).length > 0) return undefined;
  await rename(tx, tenant, { from: id, to: entry.id });
  await parts.authority.forceDeleteIn(tx, { actor: `site:${site}`, tenant, id });
  const { creation, intent: write, fields } = entry;
  const made = await parts.authority.createIn(tx, Host, {
    ...authorAt(site, entry),
    ...{ tenant, fields, creation, write, id: entry.id, owner: site },
  });
  const intent = Object.entries(known.fields).filter(([name]) => Host.fields[name as "name"]?.owner === "operator");
  await mergeInto(tx, parts, {
    into: made.resource,
    ...{ tenant, by: "hub", actor: "hub", write: undefined, at: now },
    byMachine: false,
    overMachine: isOfMachine(entry.actor),
    fields: Object.fromEntries(intent),
  });
  await remember(tx, { alias: id, of: entry.id, origin });
  return { result: "applied", ...(made.at ? { at: made.at } : {}) };
}

/** What nobody in person wanted gives way to what somebody did. */
function isOfMachine(actor: string): boolean {
  return /^(site|host):/.test(actor);
}

async function remember(
  tx: Transaction,
  { alias, of, origin }: { alias: string; of: string; origin: Origin },
): Promise<FeedPosition> {
  if (alias === of) throw new FieldFault("InvalidArgument", ["of"], "a host is no other name of itself");
  const { tenant, site, now } = origin;
  const tables = tx.tables<HubTables>();
  await rename(tx, tenant, { from: alias, to: of });
  const row = { of, site, at: now };
  await tables
    .insertInto("host_alias")
    .values({ tenant, alias, ...row })
    .onConflict((on) => on.columns(["tenant", "alias"]).doUpdateSet(row))
    .execute();
  return publish(tx, { tenant, alias, ...row });
}

/** Names of what is now itself another's name mean the survivor. */
async function rename(tx: Transaction, tenant: string, { from, to }: { from: string; to: string }): Promise<void> {
  const names = await namesOf(tx, tenant, from);
  const tables = tx.tables<HubTables>();
  await tables.updateTable("host_alias").set({ of: to }).where("tenant", "=", tenant).where("of", "=", from).execute();
  for (const row of names) await publish(tx, { ...row, of: to });
}

function namesOf(view: View, tenant: string, of: string): Promise<HostAliasRow[]> {
  const names = view.tables<HubTables>().selectFrom("host_alias").selectAll();
  return names.where("tenant", "=", tenant).where("of", "=", of).execute();
}

async function publish(tx: Transaction, { tenant, alias, of, site }: HostAliasRow): Promise<FeedPosition> {
  const body: AliasBody = { tenant, kind: Host.name, of };
  return { scope: siteScope(site), seq: await tx.appendFeed(siteScope(site), ROW.alias, alias, body) };
}
