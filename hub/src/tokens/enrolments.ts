import { randomBytes } from "node:crypto";
import { type Author, audit, type Store, type Transaction } from "@holdfast/inventory";
import { type EnrolmentBody, Host, siteScope } from "@holdfast/protocol";
import { type Clock, Fault, hashSecret, newSecret } from "@holdfast/runtime";
import type { HubTables } from "../tables.ts";

/** The kind of a feed row that admits one machine. */
export const ENROLMENT = "enrolment";

export interface NewEnrolment {
  /** Who makes it; the hub by itself when absent. */
  readonly by?: Author;
  readonly tenant: string;
  readonly site: string;
  readonly hostId?: string;
  readonly validSeconds: number;
}

export interface Enrolments {
  /**
   * A one-time token for a machine at a site. Its hash goes to the site, so that the site admits the machine while the
   * hub is away. The token itself is shown once. Throws NotFound when the host is not one of the site's.
   */
  issue(request: NewEnrolment): Promise<{ readonly id: string; readonly token: string; readonly notAfter: number }>;
  /** Takes a token out of its site's feed; another site's is left alone. Returns whether there was one. */
  remove(transaction: Transaction, site: string, id: string): Promise<boolean>;
  /** Takes out those that have expired, some hundreds at a time. Returns how many. */
  sweep(): Promise<number>;
}

const SWEPT_AT_ONCE = 500;

export function createEnrolments({ store, clock }: { store: Store; clock: Clock }): Enrolments {
  async function remove(transaction: Transaction, site: string, id: string): Promise<boolean> {
    const { numDeletedRows } = await transaction
      .tables<HubTables>()
      .deleteFrom("enrolment")
      .where("id", "=", id)
      .where("site", "=", site)
      .executeTakeFirst();
    if (numDeletedRows === 0n) return false;
    await transaction.appendFeed(siteScope(site), ENROLMENT, id, null);
    return true;
  }

  async function sweep(): Promise<number> {
    return store.write(async (transaction) => {
      const expired = await transaction
        .tables<HubTables>()
        .selectFrom("enrolment")
        .select(["id", "site"])
        .where("not_after", "<=", clock.now())
        .limit(SWEPT_AT_ONCE)
        .execute();
      for (const { site, id } of expired) await remove(transaction, site, id);
      return expired.length;
    });
  }

  return {
    async issue({ tenant, site, hostId, validSeconds, by = { actor: "hub" } }) {
      const token = newSecret("hfe");
      const id = `enrolment-${randomBytes(8).toString("hex")}`;
      const notAfter = clock.now() + validSeconds * 1_000;
      await store.write(async (transaction) => {
        if (hostId !== undefined) {
          const host = await transaction.get(Host, tenant, hostId);
          if (!host || (host.owner ?? host.fields.siteId) !== site) {
            throw new Fault("NotFound", `hostId: ${hostId} is no host of ${site}`);
          }
        }
        await transaction
          .tables<HubTables>()
          .insertInto("enrolment")
          .values({ id, tenant, site, not_after: notAfter })
          .execute();
        const body: EnrolmentBody = { tenant, tokenHash: hashSecret(token), notAfter, ...(hostId ? { hostId } : {}) };
        await transaction.appendFeed(siteScope(site), ENROLMENT, id, body);
        const after = { site, ...(hostId === undefined ? {} : { hostId }), notAfter };
        const about = { tenant, kind: "enrolment-token", id, operation: "create" as const };
        await audit(transaction, { by, at: clock.now(), ...about, after });
      });
      return { id, token, notAfter };
    },
    remove,
    sweep,
  };
}
