import type { Transaction } from "@holdfast/inventory";
import type { HoldReason, UplinkBatch, UplinkRefusal } from "@holdfast/protocol";
import type { HubHolds } from "../holds/holds.ts";
import type { Recoveries } from "../recovery/recoveries.ts";
import type { Origin } from "./origin.ts";
import type { CommandPort } from "./ports.ts";

interface Parts {
  readonly holds: Pick<HubHolds, "hold">;
  readonly commands: Pick<CommandPort, "onIncarnation">;
  readonly recoveries: Pick<Recoveries, "onIncarnation">;
}

const refusedIn = (site: string) => `stream-refused:${site}`;

/**
 * Why a site that begins another life after this refusal is held; undefined when the refusal says nothing of what was lost.
 * A site that uses numbers again, or goes on in a life that was over, was put back; one that lost its disk begins at 1.
 */
export function misfitOf(
  { reason }: Pick<UplinkRefusal, "reason">,
  { first }: Pick<UplinkBatch, "first">,
): HoldReason | undefined {
  switch (reason) {
    case "gap":
      return "entries-missing";
    case "forked":
      return "site-rolled-back";
    case "incarnation":
      return first > 1 ? "site-rolled-back" : undefined;
    case "epoch":
      return undefined;
  }
}

/** Keeps that the hub found a life of a site not to fit what came before: if it begins another, that is why. */
export async function noteMisfit(
  tx: Transaction,
  site: string,
  misfit: { readonly incarnation: number; readonly reason: HoldReason },
): Promise<void> {
  await tx.setSetting(refusedIn(site), JSON.stringify(misfit));
}

async function misfitIn(tx: Transaction, site: string, incarnation: number): Promise<HoldReason | undefined> {
  const noted = await tx.setting(refusedIn(site));
  const misfit = noted === undefined ? undefined : (JSON.parse(noted) as { incarnation?: number; reason?: HoldReason });
  return misfit?.incarnation === incarnation ? misfit.reason : undefined;
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
  const reason = (await misfitIn(tx, site, earlier)) ?? "site-disk-lost";
  await holds.hold(tx, { site, tenant, reason });
}
