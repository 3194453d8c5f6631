import { randomBytes } from "node:crypto";
import type { Store, View } from "@holdfast/inventory";
import { Site } from "@holdfast/protocol";
import { type Clock, hashSecret, newSecret } from "@holdfast/runtime";
import type { HubTables, TokenRow } from "../tables.ts";

/** Who holds a token, as far as the hub is concerned. */
export type Bearer = OperatorBearer | SiteBearer;

export interface OperatorBearer {
  readonly holder: "operator";
  readonly token: string;
  readonly name: string;
  readonly role: "read" | "write";
  /** Ids. */
  readonly tenants: "all" | readonly string[];
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
}

export interface NewSiteToken {
  readonly name: string;
  readonly tenant: string;
  readonly site: string;
  readonly validSeconds?: number;
}

/** A token as it is shown, once: nobody can read it back. */
export interface IssuedToken {
  readonly id: string;
  readonly token: string;
  readonly notAfter: number | undefined;
}

export interface Tokens {
  createOperator(request: NewToken): Promise<IssuedToken>;
  /** A site may have several: the older ones stay good until they are revoked or expire, so a site can change over. */
  createSite(request: NewSiteToken): Promise<IssuedToken>;
  list(): Promise<readonly TokenRow[]>;
  /** Takes effect at once, for requests that are held open too. False when there is no such token. */
  revoke(id: string): Promise<boolean>;
  /** Who holds a token; undefined when it opens nothing (any more). Asked of the database every time. */
  bearer(token: string): Promise<Bearer | undefined>;
  revocations(view: View): Promise<string>;
  refused(view: View, tokens: readonly string[]): Promise<ReadonlySet<string>>;
  /** Called with the id of each token that this process revokes. */
  onRevoke(listener: (id: string) => void): void;
}

const REVOCATIONS = "token-revocations";

/** Tokens of operators and of sites, in the hub's database. Only their hashes are kept. */
export function createTokens({ store, clock }: { store: Store; clock: Clock }): Tokens {
  const listeners: ((id: string) => void)[] = [];

  async function insert(prefix: string, row: Pick<TokenRow, "name" | "role" | "tenants" | "site">, valid?: number) {
    const token = newSecret(prefix);
    const id = `token-${randomBytes(8).toString("hex")}`;
    const now = clock.now();
    const notAfter = valid === undefined ? undefined : now + valid * 1_000;
    await store.write((transaction) =>
      transaction
        .tables<HubTables>()
        .insertInto("token")
        .values({
          ...row,
          id,
          hash: hashSecret(token),
          created_at: now,
          not_after: notAfter ?? null,
          revoked_at: null,
        })
        .execute(),
    );
    return { id, token, notAfter };
  }

  return {
    createOperator: ({ name, role, tenants, validSeconds }) =>
      insert("hfo", { name, role, tenants: JSON.stringify(tenants), site: null }, validSeconds),
    createSite: ({ name, tenant, site, validSeconds }) =>
      insert("hfs", { name, role: "site", tenants: JSON.stringify([tenant]), site }, validSeconds),
    list: () =>
      store.read((view) => view.tables<HubTables>().selectFrom("token").selectAll().orderBy("created_at").execute()),
    async revoke(id) {
      const found = await store.write(async (transaction) => {
        const { numUpdatedRows } = await transaction
          .tables<HubTables>()
          .updateTable("token")
          .set({ revoked_at: clock.now() })
          .where("id", "=", id)
          .where("revoked_at", "is", null)
          .executeTakeFirst();
        if (numUpdatedRows === 0n) return false;
        await transaction.setSetting(REVOCATIONS, String(await transaction.nextNumber(REVOCATIONS)));
        return true;
      });
      if (found) for (const listener of listeners) listener(id);
      return found;
    },
    async bearer(token) {
      return store.read(async (view) => {
        const row = await view
          .tables<HubTables>()
          .selectFrom("token")
          .selectAll()
          .where("hash", "=", hashSecret(token))
          .executeTakeFirst();
        if (!row || row.revoked_at !== null) return undefined;
        if (row.not_after !== null && clock.now() >= row.not_after) return undefined;
        if (row.role !== "site") {
          const tenants: "all" | string[] = JSON.parse(row.tenants);
          return { holder: "operator", token: row.id, name: row.name, role: row.role, tenants };
        }
        const held = await siteHeldBy(view, row);
        return (
          held && {
            holder: "site",
            token: row.id,
            ...held,
            notAfter: row.not_after ?? undefined,
            revocations: await revocations(view),
          }
        );
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
  };
}

/** The site that a token is for; undefined once it is gone: a token outlives neither its site nor the site's tenant. */
async function siteHeldBy(view: View, row: TokenRow): Promise<{ site: string; tenant: string } | undefined> {
  const [tenant]: string[] = JSON.parse(row.tenants);
  if (!tenant || !row.site || !(await view.get(Site, tenant, row.site))) return undefined;
  return { site: row.site, tenant };
}

async function revocations(view: View): Promise<string> {
  return (await view.setting(REVOCATIONS)) ?? "0";
}
