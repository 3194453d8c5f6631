import { randomBytes } from "node:crypto";
import type { Author, Store, Transaction, View } from "@holdfast/inventory";
import type { Grant } from "@holdfast/inventory/api/roles";
import { Site } from "@holdfast/protocol";
import { type Clock, hashSecret, newSecret } from "@holdfast/runtime";
import { isLetIn } from "../disaster/claims.ts";
import type { HubTables } from "../tables.ts";
import { formerProject } from "../tenants/book.ts";
import { confirmAccess, publishAccess } from "./access.ts";
import { actorOf } from "./actor.ts";
import { type WaitingToken, waitingTokens } from "./given-back.ts";
import { tellConfirmed, tellMade, tellRevoked } from "./history.ts";
import { grantFields, type NewServiceToken, storedRights } from "./service-token.ts";
import { OFFLINE_SECONDS, type TokenRow } from "./tables.ts";
import { grantsOfToken } from "./token-grants.ts";

/** Who holds a token, as far as the hub is concerned. */
export type Bearer = OperatorBearer | SiteBearer | UnconfirmedBearer | EndedBearer;

/** An operator's token that a site gave back after a disaster: it opens nothing here before somebody has confirmed it. */
export interface UnconfirmedBearer {
  readonly holder: "unconfirmed";
  readonly token: string;
}

/** A site's token whose project is gone: it opens nothing, and the site may know why. */
export interface EndedBearer {
  readonly holder: "ended";
  readonly token: string;
  readonly reason: string;
}

export interface OperatorBearer {
  readonly holder: "operator";
  readonly token: string;
  /** As histories name them: `operator:alice`, `service:reports`, `manager:amt`. */
  readonly actor: string;
  readonly grants: readonly Grant[];
}

export interface SiteBearer {
  readonly holder: "site";
  readonly token: string;
  readonly site: string;
  readonly tenant: string;
  /** Milliseconds since the epoch; what the token opened must end by then. */
  readonly notAfter: number | undefined;
  /** The revocations that were known when the token was found good. */
  readonly revocations: string;
}

export interface NewToken {
  readonly name: string;
  readonly role: "read" | "write";
  readonly tenants: "all" | readonly string[];
  readonly validSeconds?: number;
  /** For how long after the hub was last heard a site still takes it; 90 days when not given. */
  readonly offlineSeconds?: number;
  /** Who makes it; the hub by itself when absent. */
  readonly by?: Author;
}

export interface NewSiteToken {
  readonly name: string;
  readonly tenant: string;
  readonly site: string;
  readonly validSeconds?: number;
  /** Who makes it; the hub by itself when absent. */
  readonly by?: Author;
}

/** A token as it is shown, once: nobody can read it back. */
export interface IssuedToken {
  readonly id: string;
  readonly token: string;
  readonly notAfter: number | undefined;
}

export interface Tokens {
  createOperator(request: NewToken): Promise<IssuedToken>;
  /** For a program, with roles of its own. Throws InvalidArgument for what no token can have. */
  createService(request: NewServiceToken): Promise<IssuedToken>;
  /** A site may have several: the older ones stay good until they are revoked or expire, so a site can change over. */
  createSite(request: NewSiteToken): Promise<IssuedToken>;
  list(): Promise<readonly TokenRow[]>;
  /** Those that sites gave back and that wait for an operator's word. */
  waiting(): Promise<readonly WaitingToken[]>;
  /** Lets one of these, or all, open at the hub what the sites say that it opened. Returns those that waited. */
  confirm(id?: string, by?: Author): Promise<readonly WaitingToken[]>;
  /** Takes effect at once, for requests that are held open too. False when there is no such token. */
  revoke(id: string, by?: Author): Promise<boolean>;
  /** Who holds a token; undefined when it opens nothing (any more). Asked of the database every time. */
  bearer(token: string): Promise<Bearer | undefined>;
  revocations(view: View): Promise<string>;
  refused(view: View, tokens: readonly string[]): Promise<ReadonlySet<string>>;
  /** Called with the id of each token that is revoked, by this process or, once noticed, by another. */
  onRevoke(listener: (id: string) => void): void;
  /** Tells the listeners of what another process has revoked since the last time. Returns how many tokens. */
  noticeRevoked(): Promise<number>;
  /** Makes the feeds say which operators' tokens stand, at this moment. Returns how many had to be shown otherwise. */
  publishAccess(): Promise<number>;
}

const REVOCATIONS = "token-revocations";

/** Tokens of operators and of sites, in the hub's database. Only their hashes are kept. */
export function createTokens({ store, clock }: { store: Store; clock: Clock }): Tokens {
  const listeners: ((id: string) => void)[] = [];
  /** Revocations that the listeners were told of; undefined before the first look. */
  let told: { readonly revocations: string; readonly ids: ReadonlySet<string> } | undefined;

  async function insert(
    prefix: string,
    row: Named,
    { valid, offline, by }: Validity,
    also: (tx: Transaction, id: string) => Promise<void> = async () => undefined,
  ) {
    const token = newSecret(prefix);
    const id = `token-${randomBytes(8).toString("hex")}`;
    const now = clock.now();
    const notAfter = valid === undefined ? undefined : now + valid * 1_000;
    await store.write(async (transaction) => {
      await transaction
        .tables<HubTables>()
        .insertInto("token")
        .values({
          ...row,
          id,
          hash: hashSecret(token),
          created_at: now,
          not_after: notAfter ?? null,
          revoked_at: null,
          offline_seconds: offline ?? OFFLINE_SECONDS,
          shown: "[]",
          recovered_from: null,
        })
        .execute();
      await also(transaction, id);
      await tellMade(transaction, { ...row, id, not_after: notAfter ?? null }, { by, at: now });
      await publishAccess(transaction, now);
    });
    return { id, token, notAfter };
  }

  return {
    createOperator: ({ name, role, tenants, validSeconds: valid, offlineSeconds: offline, by }) =>
      insert("hfo", { ...PLAIN, name, role, tenants: JSON.stringify(tenants), site: null }, { valid, offline, by }),
    createService: (request) => {
      const { name, tenants, validSeconds: valid, offlineSeconds: offline, by } = request;
      const row = { ...storedRights(request), name, tenants: JSON.stringify(tenants), site: null, made_by: by.actor };
      return insert("hfo", row, { valid, offline, by }, (tx, id) => grantFields(tx, id, request, clock.now()));
    },
    createSite: ({ name, tenant, site, validSeconds: valid, by }) =>
      insert("hfs", { ...PLAIN, name, role: "site", tenants: JSON.stringify([tenant]), site }, { valid, by }),
    list: () =>
      store.read((view) => view.tables<HubTables>().selectFrom("token").selectAll().orderBy("created_at").execute()),
    waiting: () => store.read(waitingTokens),
    confirm: (id, by) =>
      store.write(async (transaction) => {
        const confirmed = await confirmAccess(transaction, { id, now: clock.now() });
        await tellConfirmed(transaction, confirmed, { by, at: clock.now() });
        return confirmed;
      }),
    async revoke(id, by) {
      const found = await store.write(async (transaction) => {
        const { numUpdatedRows } = await transaction
          .tables<HubTables>()
          .updateTable("token")
          .set({ revoked_at: clock.now() })
          .where("id", "=", id)
          .where("revoked_at", "is", null)
          .executeTakeFirst();
        if (numUpdatedRows === 0n) return false;
        await tellRevoked(transaction, id, { by, at: clock.now() });
        await transaction.setSetting(REVOCATIONS, String(await transaction.nextNumber(REVOCATIONS)));
        await publishAccess(transaction, clock.now());
        return true;
      });
      if (found) for (const listener of listeners) listener(id);
      return found;
    },
    async bearer(token) {
      return store.read(async (view) => {
        const [row] = await view.rows<TokenRow>("select * from token where hash = ?", [hashSecret(token)]);
        if (!row) return undefined;
        if (row.revoked_at !== null) return endedBearer(view, row);
        if (row.not_after !== null && clock.now() >= row.not_after) return undefined;
        if (row.role !== "site") {
          const tenants: "all" | string[] = JSON.parse(row.tenants);
          if (row.recovered_from !== null && tenants.length === 0) return { holder: "unconfirmed", token: row.id };
          return { holder: "operator", token: row.id, actor: actorOf(row), grants: grantsOfToken(row, tenants) };
        }
        const held = await siteHeldBy(view, row);
        if (!held) return endedBearer(view, row);
        return {
          ...{ holder: "site", token: row.id, ...held },
          ...{ notAfter: row.not_after ?? undefined, revocations: await revocations(view) },
        };
      });
    },
    revocations,
    async refused(view, ids) {
      if (ids.length === 0) return new Set();
      const rows = await view
        .tables<HubTables>()
        .selectFrom("token")
        .selectAll()
        .where("id", "in", ids)
        .where("revoked_at", "is", null)
        .execute();
      const refused = new Set(ids);
      for (const row of rows) if (row.role !== "site" || (await siteHeldBy(view, row))) refused.delete(row.id);
      return refused;
    },
    onRevoke(listener) {
      listeners.push(listener);
    },
    async noticeRevoked() {
      const known = told;
      const now = await store.read((view) => revokedIn(view, known?.revocations));
      if (!now) return 0;
      told = now;
      const fresh = known ? [...now.ids].filter((id) => !known.ids.has(id)) : [];
      for (const id of fresh) for (const listener of listeners) listener(id);
      return fresh.length;
    },
    publishAccess: () => store.write((transaction) => publishAccess(transaction, clock.now())),
  };
}

type Named = Pick<TokenRow, "name" | "role" | "roles" | "fields" | "made_by" | "tenants" | "site">;

/** Of a token whose role says all. */
const PLAIN = { roles: null, fields: null, made_by: null } as const;

/** Seconds from now, and from when the hub was last heard. */
interface Validity {
  readonly by?: Author | undefined;
  readonly valid: number | undefined;
  readonly offline?: number | undefined;
}

/** All revoked tokens; undefined when there are none but those that were known. */
async function revokedIn(view: View, known: string | undefined) {
  const now = await revocations(view);
  if (now === known) return undefined;
  const rows = await view
    .tables<HubTables>()
    .selectFrom("token")
    .select("id")
    .where("revoked_at", "is not", null)
    .execute();
  return { revocations: now, ids: new Set(rows.map(({ id }) => id)) };
}

/** The site that a token is for; undefined once it is gone: a token outlives neither its site nor the site's tenant. */
async function siteHeldBy(view: View, row: TokenRow): Promise<{ site: string; tenant: string } | undefined> {
  const [tenant]: string[] = JSON.parse(row.tenants);
  if (!tenant || !row.site) return undefined;
  // A hub that is recovering hears a site before the site's own row has come back.
  if (!(await view.get(Site, tenant, row.site)) && !(await isLetIn(view, row.site, tenant))) return undefined;
  return { site: row.site, tenant };
}

/** A token of a site whose project is gone, or on its way out and done with the site; undefined for others. */
async function endedBearer(view: View, row: TokenRow): Promise<EndedBearer | undefined> {
  const [tenant = ""]: string[] = row.role === "site" ? JSON.parse(row.tenants) : [];
  const former = await formerProject(view, tenant);
  return former && { holder: "ended", token: row.id, reason: `the project ${former.name} of this site is deleted` };
}

async function revocations(view: View): Promise<string> {
  return (await view.setting(REVOCATIONS)) ?? "0";
}
