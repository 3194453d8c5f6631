import type { Authority, Transaction } from "@holdfast/inventory";
import type { UplinkEntry } from "@holdfast/protocol";
import { Fault } from "@holdfast/runtime";
import type { Credentials } from "../credentials/credentials.ts";
import type { HubHolds } from "../holds/holds.ts";
import type { Recoveries } from "../recovery/recoveries.ts";
import type { Enrolments } from "../tokens/enrolments.ts";
import { tellUsed } from "./enrolment-used.ts";
import { keepEvent } from "./events.ts";
import { applyHoldReleased } from "./hold-released.ts";
import { applyCreate, applyDelete, applyEdit, onceForIntent } from "./intents.ts";
import { applyRelease, applyState } from "./machines.ts";
import type { Applied, Origin } from "./origin.ts";
import type { UplinkPorts } from "./ports.ts";

export interface ApplyParts {
  readonly authority: Pick<Authority, "createIn" | "deleteIn" | "editIn" | "observeIn" | "releaseIn">;
  readonly enrolments: Pick<Enrolments, "remove">;
  readonly credentials: Pick<Credentials, "reported">;
  readonly holds: Pick<HubHolds, "releaseIn">;
  readonly recoveries: Pick<Recoveries, "held" | "recovered">;
  readonly ports: UplinkPorts;
}

export interface Arrived {
  readonly entry: UplinkEntry;
  /** Its number in the site's stream. */
  readonly seq: number;
  readonly origin: Origin;
}

const APPLIED: Applied = { result: "applied" };

/** Applies one entry. Throws a `Fault` for one that cannot be applied, having perhaps written a part of it. */
export async function applyEntry(
  tx: Transaction,
  parts: ApplyParts,
  { entry, seq, origin }: Arrived,
): Promise<Applied> {
  const { authority, enrolments, credentials, holds, recoveries, ports } = parts;
  const { site, now } = origin;
  switch (entry.type) {
    case "state":
      return underSurvivor(tx, ports, { id: entry.id, origin }, (id) =>
        applyState(tx, { authority, ports }, { entry: { ...entry, id }, origin }),
      );
    case "create":
      return onceForIntent(tx, { site, intent: entry.intent }, () => applyCreate(tx, parts, { entry, origin }));
    case "edit":
      return onceForIntent(tx, { site, intent: entry.intent }, () => applyEdit(tx, parts, { entry, origin }));
    case "delete":
      return onceForIntent(tx, { site, intent: entry.intent }, () => applyDelete(tx, parts, { entry, origin }));
    case "release":
      return applyRelease(tx, parts, { entry, origin });
    case "enrolment-used":
      if (await enrolments.remove(tx, site, entry.id)) await tellUsed(tx, { entry, origin });
      return APPLIED;
    case "event":
      await keepEvent(tx, { site, entry, now });
      return APPLIED;
    case "command":
      return ports.commands.reported(tx, { entry, origin });
    case "hold-released":
      return applyHoldReleased(tx, { holds }, { entry, origin });
    case "credential":
      return underSurvivor(tx, ports, { id: entry.hostId, origin }, (hostId) =>
        credentials.reported(tx, { entry: { ...entry, hostId }, origin }),
      );
    case "arrival":
      return ports.arrivals.arrived(tx, { entry, origin });
    case "replica-row":
    case "let-go":
      return recoveries.held(tx, { entry, origin });
    case "recovered":
      return recoveries.recovered(tx, { entry, origin, seq });
  }
}

/** What is said of a host under an id that is no more is said of the host that it is now (rule 5). */
async function underSurvivor(
  tx: Transaction,
  { aliases }: Pick<UplinkPorts, "aliases">,
  { id, origin }: { id: string; origin: Origin },
  work: (id: string) => Promise<Applied>,
): Promise<Applied> {
  try {
    return await work(id);
  } catch (error) {
    if (!(error instanceof Fault) || error.code !== "NotFound") throw error;
    const survivor = await aliases.aliasOf(tx, origin.tenant, id);
    if (survivor === undefined) throw error;
    return work(survivor);
  }
}
