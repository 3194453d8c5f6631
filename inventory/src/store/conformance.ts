import { describe } from "vitest";
import { feedConformance } from "./conformance/feed.ts";
import type { Place } from "./conformance/fixture.ts";
import { listingConformance } from "./conformance/listing.ts";
import { resourceConformance } from "./conformance/resources.ts";
import { silentSitesConformance } from "./conformance/silent-sites.ts";
import { transactionConformance } from "./conformance/transactions.ts";

export type { Place } from "./conformance/fixture.ts";

/** What every store promises, as tests; `newPlace` names a place where no store has been yet. */
export function storeConformance(name: string, newPlace: () => Place): void {
  describe(name, () => {
    resourceConformance(newPlace);
    listingConformance(newPlace);
    silentSitesConformance(newPlace);
    feedConformance(newPlace);
    transactionConformance(newPlace);
  });
}
