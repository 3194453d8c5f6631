import type { Transaction } from "@holdfast/inventory";
import type { Contacts } from "./contacts.ts";

/**
 * Tells whether a site was ever heard. What is remembered of hearing it is written down some time after; a stream of its own
 * is there from its first word on.
 */
export function everHeard(contacts: Pick<Contacts, "contactOf">): (tx: Transaction, site: string) => Promise<boolean> {
  return async (tx, site) => {
    if (contacts.contactOf(site) !== undefined) return true;
    const known = "select 1 from uplink_stream where site = ? union select 1 from site_contact where site = ?";
    return (await tx.rows(known, [site, site])).length > 0;
  };
}
