import type { Transaction, View } from "@holdfast/inventory";
import { type RecoveryClaim, siteFingerprint } from "@holdfast/protocol";
import { Fault, hashSecret, minutes } from "@holdfast/runtime";
import type { HubTables } from "../tables.ts";
import type { RecoveryClaimRow } from "./tables.ts";

/** How many claims are kept, of whomever: nobody had to prove anything to make one. */
export const CLAIMS_KEPT = 2_000;
/** A claim that was not repeated for so long gives way to another when there are too many. A site repeats its own. */
export const STALE_AFTER = minutes(10);
/** So many from one address are no reason to refuse another's: one of them gives way. */
const FROM_ONE_ADDRESS = 50;
/** A repeated claim is written down no more often. */
const SEEN_EVERY = minutes(1);

const RECOVERING = "recovering";

/** Since when the hub has been recovering from its sites, milliseconds since the epoch; undefined when it is not. */
export async function recoveringSince(view: Pick<View, "setting">): Promise<number | undefined> {
  const since = await view.setting(RECOVERING);
  return since === undefined || since === "" ? undefined : Number(since);
}

/** From `since` on the hub is recovering; it no longer is with undefined, and all claims are forgotten. */
export async function setRecovering(tx: Transaction, since: number | undefined): Promise<void> {
  await tx.setSetting(RECOVERING, since === undefined ? "" : String(since));
  if (since === undefined) await tx.tables<HubTables>().deleteFrom("recovery_claim").execute();
}

export interface Claimant {
  readonly token: string;
  /** From where it comes, for people to see. */
  readonly address: string;
  readonly now: number;
}

/**
 * Keeps a claim, by the hash of its token. Throws InvalidArgument when its fingerprint is not the token's, ResourceExhausted
 * when there are too many others.
 */
export async function keepClaim(
  tx: Transaction,
  claim: RecoveryClaim,
  { token, address, now }: Claimant,
): Promise<"waiting" | "accepted"> {
  const [hash, fingerprint] = [hashSecret(token), siteFingerprint(token)];
  if (claim.fingerprint !== fingerprint) {
    throw new Fault("InvalidArgument", `fingerprint: that of this token is ${fingerprint}`);
  }
  const table = tx.tables<HubTables>();
  const known = await table.selectFrom("recovery_claim").selectAll().where("hash", "=", hash).executeTakeFirst();
  // What an operator has compared and let in does not change under their hands.
  if (known?.accepted_at != null) return "accepted";
  const { siteId: site, siteName: site_name, tenant, lineage } = claim;
  const row = {
    ...{ site, site_name, tenant: tenant.id, tenant_name: tenant.name, lineage: JSON.stringify(lineage), address },
    seen_at: now,
  };
  if (!known) {
    await makeRoom(tx, { address, now });
    const fresh: RecoveryClaimRow = { ...row, hash, fingerprint, first_at: now, accepted_at: null };
    await table.insertInto("recovery_claim").values(fresh).execute();
  } else if (isOther(known, row) || now - known.seen_at > SEEN_EVERY) {
    await table.updateTable("recovery_claim").set(row).where("hash", "=", hash).execute();
  }
  return "waiting";
}

/** All claims, or those of one site; by site, the oldest first. */
export function claimsIn(view: Pick<View, "tables">, site?: string): Promise<RecoveryClaimRow[]> {
  const all = view.tables<HubTables>().selectFrom("recovery_claim").selectAll().orderBy("site").orderBy("first_at");
  return (site === undefined ? all : all.where("site", "=", site)).execute();
}

/** Whether an operator has let a site in whose own row has perhaps not come back yet. */
export async function isLetIn(view: Pick<View, "tables">, site: string, tenant: string): Promise<boolean> {
  const found = await view
    .tables<HubTables>()
    .selectFrom("recovery_claim")
    .select("hash")
    .where("site", "=", site)
    .where("tenant", "=", tenant)
    .where("accepted_at", "is not", null)
    .executeTakeFirst();
  return found !== undefined;
}

function isOther(
  known: RecoveryClaimRow,
  row: Omit<RecoveryClaimRow, "hash" | "fingerprint" | "first_at" | "accepted_at">,
) {
  const { site, site_name, tenant, tenant_name, lineage, address } = row;
  const told = { site, site_name, tenant, tenant_name, lineage, address };
  return Object.entries(told).some(([name, value]) => known[name as keyof typeof told] !== value);
}

/** Whoever fills all the room from one address does not keep the others out. */
async function makeRoom(tx: Transaction, { address, now }: Pick<Claimant, "address" | "now">): Promise<void> {
  const table = tx.tables<HubTables>();
  const { count } = await table
    .selectFrom("recovery_claim")
    .select((select) => select.fn.countAll<number>().as("count"))
    .executeTakeFirstOrThrow();
  if (Number(count) < CLAIMS_KEPT) return;
  const { numDeletedRows } = await table
    .deleteFrom("recovery_claim")
    .where("accepted_at", "is", null)
    .where("seen_at", "<", now - STALE_AFTER)
    .executeTakeFirst();
  if (numDeletedRows > 0n) return;
  const waiting = table.selectFrom("recovery_claim").where("accepted_at", "is", null);
  const most = await waiting
    .select((select) => ["address", select.fn.countAll<number>().as("count")])
    .groupBy("address")
    .orderBy("count", "desc")
    .executeTakeFirst();
  if (!most || most.address === address || Number(most.count) <= FROM_ONE_ADDRESS) {
    throw new Fault("ResourceExhausted", "too many claims wait for an operator");
  }
  const newest = waiting.select("hash").where("address", "=", most.address).orderBy("first_at", "desc").orderBy("hash");
  const { hash } = await newest.limit(1).executeTakeFirstOrThrow();
  await table.deleteFrom("recovery_claim").where("hash", "=", hash).execute();
}
