import { audit, EVERY_TENANT } from "@holdfast/inventory";
import { Site } from "@holdfast/protocol";
import { type Clock, Fault, minutes } from "@holdfast/runtime";
import type { OpenDatabase } from "../command.ts";
import { createHolds } from "../holds/holds.ts";
import { localOperator } from "../local-operator.ts";
import type { HubTables } from "../tables.ts";
import { claimsIn, recoveringSince } from "./claims.ts";
import type { RecoveryClaimRow } from "./tables.ts";

export interface Acceptance {
  readonly site: string;
  /** As the operator read it at the site. */
  readonly fingerprint: string;
  /** The name that the site's project gets, where it is not there yet and its own is taken. */
  readonly project?: string;
}

/**
 * Lets a site in whose claim has this fingerprint: its project is there from now on, its token is good, and nothing disruptive
 * is done there until an operator says so. Throws a `Fault` that says why not, naming the fingerprints that there are. Asked
 * again, it changes nothing.
 */
export async function accept(
  { authority, store }: OpenDatabase,
  { site, fingerprint, project }: Acceptance,
  clock: Clock,
): Promise<RecoveryClaimRow> {
  const claims = await store.read(async (view) => {
    if ((await recoveringSince(view)) === undefined) {
      throw new Fault("FailedPrecondition", "this hub is not recovering from its sites");
    }
    return claimsIn(view, site);
  });
  const claim = chosen(claims, site, fingerprint);
  if (claim.accepted_at !== null) return claim;
  const name = project ?? claim.tenant_name;
  const known = await store.read((view) => view.tenant(claim.tenant));
  if (known?.id === claim.tenant) refuseOtherProject(claim, { name, here: known.name });
  else {
    await refuseTaken(store, name);
    await authority.createTenant({ ...localOperator(), id: claim.tenant, name });
  }
  const holds = createHolds({ store, clock });
  await store.write(async (tx) => {
    const table = tx.tables<HubTables>();
    const other = (await tx.list(Site, { tenant: EVERY_TENANT })).resources.find(
      (row) => row.resourceId === site && row.tenant !== claim.tenant,
    );
    if (other) throw new Fault("FailedPrecondition", `${site} is a site of another project (${other.tenant}) here`);
    const standing = await table
      .selectFrom("token")
      .select("id")
      .where("site", "=", site)
      .where("revoked_at", "is", null)
      .executeTakeFirst();
    if (standing) {
      const message = `${site} has a standing token already (${standing.id}): revoke it first, if this is the right one`;
      throw new Fault("FailedPrecondition", message);
    }
    const now = clock.now();
    const id = `token-${claim.hash.slice(0, 16)}`;
    await table
      .insertInto("token")
      .values({
        id,
        hash: claim.hash,
        name: `recovered ${new Date(now).toISOString().slice(0, 10)}`,
        role: "site",
        tenants: JSON.stringify([claim.tenant]),
        site,
        created_at: now,
        not_after: null,
        revoked_at: null,
        offline_seconds: 0,
        shown: "[]",
        recovered_from: null,
      })
      .execute();
    await table.updateTable("recovery_claim").set({ accepted_at: now }).where("hash", "=", claim.hash).execute();
    const after = { site, fingerprint: claim.fingerprint, address: claim.address };
    const about = { tenant: claim.tenant, kind: "recovery-claim", id };
    await audit(tx, { by: localOperator(), at: now, ...about, operation: "create", after });
    await holds.hold(tx, { site, tenant: claim.tenant, reason: "hub-recovered" });
  });
  return claim;
}

/** The claim of a site with this fingerprint, however the operator writes it. */
function chosen(claims: readonly RecoveryClaimRow[], site: string, fingerprint: string): RecoveryClaimRow {
  if (claims.length === 0) {
    throw new Fault(
      "NotFound",
      `${site} has made no claim yet: it does, within ${minutes(1) / 1_000} s, once it reaches this hub`,
    );
  }
  const claim = claims.find((each) => digitsOf(each.fingerprint) === digitsOf(fingerprint));
  if (claim) return claim;
  const shown = claims.map((each) => each.fingerprint).join(", ");
  const message = `FINGERPRINT: the hub has ${shown} for ${site}, you gave ${fingerprint}: do not accept what is not the same`;
  throw new Fault("InvalidArgument", message);
}

/** The fingerprint tells which site it is, not of which project: what a site says of that must be what is known here. */
function refuseOtherProject({ site, tenant, tenant_name }: RecoveryClaimRow, of: { name: string; here: string }): void {
  if (of.name === of.here) return;
  const says = `${site} says that it is of project ${tenant} and calls it ${tenant_name}; here that is the project ${of.here}`;
  throw new Fault("FailedPrecondition", `${says}: if the site belongs to that one, say so: --project ${of.here}`);
}

function digitsOf(fingerprint: string): string {
  return fingerprint.toLowerCase().replaceAll(/[^0-9a-z]/g, "");
}

async function refuseTaken(store: OpenDatabase["store"], name: string): Promise<void> {
  if (!(await store.read((view) => view.tenant(name)))) return;
  throw new Fault(
    "AlreadyExists",
    `another project is called ${name} here: --project NAME gives this site's another name`,
  );
}
