import { describe } from "vitest";
import { feedConformance } from "./conformance/feed.ts";
import type { Place } from "./conformance/fixture.ts";
import { listingConformance } from "./conformance/listing.ts";
import { listConformance } from "./conformance/lists.ts";
import { longReadConformance } from "./conformance/long-reads.ts";
import { resourceConformance } from "./conformance/resources.ts";
import { revisionsConformance } from "./conformance/revisions.ts";
import { silentSitesConformance } from "./conformance/silent-sites.ts";
import { tenantConformance } from "./conformance/tenants.ts";
import { transactionConformance } from "./conformance/transactions.ts";

export type { Place } from "./conformance/fixture.ts";

/** What every store promises, as tests; `newPlace` names a place where no store has been yet. */
export function storeConformance(name: string, newPlace: () => Place): void {
  describe(name, () => {
    resourceConformance(newPlace);
    listConformance(newPlace);
    listingConformance(newPlace);
    silentSitesConformance(newPlace);
    feedConformance(newPlace);
    transactionConformance(newPlace);
    longReadConformance(newPlace);
    tenantConformance(newPlace);
    revisionsConformance(newPlace);
  });
}
