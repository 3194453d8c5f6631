import type { Transaction } from "@holdfast/inventory";
import type { HubHolds } from "../holds/holds.ts";
import type { CommandPort } from "../recovery/ports.ts";
import type { Recoveries } from "../recovery/recoveries.ts";
import type { Origin } from "./origin.ts";

interface Parts {
  readonly holds: Pick<HubHolds, "hold">;
  readonly commands: Pick<CommandPort, "onIncarnation">;
  readonly recoveries: Pick<Recoveries, "onIncarnation">;
}

const refusedIn = (site: string) => `stream-refused:${site}`;

/** Keeps that the hub found a life of a site not to fit what came before: if it begins another, that is why. */
export async function noteMisfit(tx: Transaction, site: string, incarnation: number): Promise<void> {
  await tx.setSetting(refusedIn(site), String(incarnation));
}

/**
 * What a site's new life means: what was asked of the earlier one is not done any more (rule 17), and unless it is its first
 * the site has lost something: nothing disruptive is done there until an operator says so (rule 21).
 */
export async function beginIncarnation(
  tx: Transaction,
  { holds, commands, recoveries }: Parts,
  { origin, earlier }: { origin: Origin; earlier: number | undefined },
): Promise<void> {
  const { site, tenant, stream } = origin;
  const { incarnation } = stream;
  if (earlier === incarnation) return;
  await commands.onIncarnation(tx, { site, tenant, incarnation });
  if (earlier === undefined) return;
  await recoveries.onIncarnation(tx, origin);
  const misfit = (await tx.setting(refusedIn(site))) === String(earlier);
  await holds.hold(tx, { site, tenant, reason: misfit ? "site-rolled-back" : "site-disk-lost" });
}
