import type { Authority, Transaction } from "@holdfast/inventory";
import { tombstoneOf } from "@holdfast/inventory/authority/tombstones";
import { Host, type ReleaseEntry, type StateEntry } from "@holdfast/protocol";
import { Fault } from "@holdfast/runtime";
import { NEITHER_LATER } from "../recovery/held.ts";
import { keepEvent } from "./events.ts";
import { kindOf } from "./kind-of.ts";
import type { Applied, Origin } from "./origin.ts";
import type { UplinkPorts } from "./ports.ts";

/** How much is kept, as history, of state that did not count; characters of JSON. */
const DROPPED_KEPT = 4_096;

/** As sites call a machine whose agent they hear. */
const RUNNING = "Running";

/**
 * Shows what a site observed. State of a machine that another site manages, or that was deleted, is dropped and kept as history
 * (rules 14, 15): the site may just not have heard yet that it went.
 */
export async function applyState(
  tx: Transaction,
  { authority, ports }: { authority: Pick<Authority, "observeIn">; ports: Pick<UplinkPorts, "arrivals"> },
  { entry, origin }: { entry: StateEntry; origin: Origin },
): Promise<Applied> {
  const { site, tenant } = origin;
  const { type: _, kind: name, ...report } = entry;
  const kind = kindOf(name);
  try {
    // The site's clock may be wrong by decades: its time is shown as reported, and orders nothing (rule 22).
    await authority.observeIn(tx, { ...report, kind, tenant, site });
    if (kind.name === Host.name && entry.fields.hostStatus === RUNNING)
      await ports.arrivals.isHome(tx, { tenant, id: entry.id });
    return { result: "applied" };
  } catch (error) {
    if (error instanceof Fault && error.code === "NotFound") {
      if (await tombstoneOf(tx, kind, { tenant, resourceId: entry.id })) {
        await keepDropped(tx, { entry, origin, manager: null });
        return { result: "applied", reason: `${entry.id} was deleted` };
      }
      throw new Fault("NotFound", `${name} ${entry.id} is not known here, and state creates nothing`);
    }
    if (!(error instanceof Fault) || error.code !== "PermissionDenied") throw error;
    const machine = await tx.get(kind, tenant, entry.id);
    if (!machine || machine.owner === site || kind.feed !== "machine") throw error;
    await keepDropped(tx, { entry, origin, manager: machine.owner ?? null });
    return { result: "applied", reason: `${site} does not manage ${entry.id}` };
  }
}

async function keepDropped(
  tx: Transaction,
  { entry, origin, manager }: { entry: StateEntry; origin: Origin; manager: string | null },
): Promise<void> {
  const { kind, id: subject, observedAt: at, fields } = entry;
  const detail = { manager, fields: JSON.stringify(fields).slice(0, DROPPED_KEPT) };
  const dropped = { type: "event", id: `${origin.site}/${subject}/${at}`, event: "state-dropped" } as const;
  await keepEvent(tx, { site: origin.site, entry: { ...dropped, kind, subject, at, detail }, now: origin.now });
}

/** Lets a machine go that its site has let go. */
export async function applyRelease(
  tx: Transaction,
  { authority, ports }: { authority: Pick<Authority, "releaseIn">; ports: Pick<UplinkPorts, "conflicts"> },
  { entry, origin }: { entry: ReleaseEntry; origin: Origin },
): Promise<Applied> {
  const { site, tenant } = origin;
  const { type: _, kind: name, ...release } = entry;
  const kind = kindOf(name);
  const { conflicts = [], ...released } = await authority.releaseIn(tx, { ...release, kind, tenant, site });
  for (const conflict of conflicts) {
    await ports.conflicts.recordRecovered(tx, { kind, id: entry.id, origin, reason: NEITHER_LATER, ...conflict });
  }
  return { ...released, result: "applied" };
}
