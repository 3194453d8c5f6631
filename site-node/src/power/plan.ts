import type { PowerCommandPolicy, PowerState } from "@holdfast/protocol/kinds/host-states";
import { minutes, seconds } from "@holdfast/runtime";
import type { Static } from "typebox";
import type { Liveness } from "../hosts/liveness.ts";
import type { Status } from "../hosts/statuses.ts";
import type { Order } from "./control.ts";
import * as status from "./statuses.ts";

type State = Static<typeof PowerState>;

/** The last order to switch a machine off. Times are milliseconds since the epoch. */
export interface LastOrder {
  readonly id: string;
  /** The agent's session in which it was given. */
  readonly session: string;
  readonly at: number;
  /** Orders of this session so far. */
  readonly tries: number;
  /** Undefined while nobody has said, as after a crash. */
  readonly outcome: "done" | "refused" | "failed" | "unknown" | undefined;
  readonly reason: string | undefined;
}

export interface PowerSituation {
  readonly desired: State | undefined;
  /** As last shown. */
  readonly current: State | undefined;
  readonly liveness: Liveness;
  readonly last: LastOrder | undefined;
  /** Why nothing may be done about it now, in words that follow "Waits to be switched off: "; undefined when it may. */
  readonly blocked: string | undefined;
  /** The time before which the desired state was to be begun with, where that is over and it was not (rule 17). */
  readonly tooLate: number | undefined;
  /** Where its management controller answers, which is not used yet. */
  readonly controller: string | undefined;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Names the next order, if there is to be one. */
  readonly freshId: string;
}

export interface PowerPlan {
  /** Undefined when nothing is known of the machine yet. */
  readonly current: State | undefined;
  readonly status: Status | undefined;
  /** To be journalled, then given. */
  readonly order: Pick<LastOrder, "id" | "session" | "tries"> | undefined;
  /** Whether the desired state is acted on with this, or is so already. */
  readonly begins: boolean;
  /** Look again after so many milliseconds; undefined when only a change matters. */
  readonly checkAfter: number | undefined;
}

/** How soon something that nobody announces is looked at again: a hold that was released, a conflict that was resolved. */
const LOOK_AGAIN = seconds(5);
/** How long a machine may take to shut down. */
const SHUTS_DOWN_WITHIN = minutes(5);
const AGAIN = { first: minutes(1), most: minutes(60) };

/** What must be done about a machine's power, if anything, and what to say of it. Pure. */
export function planPower(situation: PowerSituation): PowerPlan {
  const { desired, liveness } = situation;
  const current = currentPower(situation);
  const plan = { current, order: undefined, begins: current !== undefined && current === desired } as const;
  if (current === undefined) return { ...plan, status: undefined, checkAfter: undefined };
  const { tooLate } = situation;
  if (tooLate !== undefined && (desired === "POWER_STATE_ON" || desired === "POWER_STATE_OFF") && current !== desired) {
    return { ...plan, status: status.wantedTooLongAgo(desired, tooLate), checkAfter: undefined };
  }
  if (desired === "POWER_STATE_OFF" && liveness.phase === "online") {
    const off = planOff(situation, liveness.session);
    return { ...off, begins: off.order !== undefined };
  }
  return { ...plan, status: statusOf(situation, current), checkAfter: undefined };
}

/** On while its agent is heard, off when it left because it was told to. Of one that is lost nothing is known. */
function currentPower({ liveness, current, last }: PowerSituation): State | undefined {
  switch (liveness.phase) {
    case "unheard":
      return undefined;
    case "online":
    case "leaving":
      return "POWER_STATE_ON";
    case "offline": {
      const wasTold = last?.session === liveness.session && (last.outcome === "done" || last.outcome === undefined);
      return wasTold ? "POWER_STATE_OFF" : (current ?? "POWER_STATE_UNSPECIFIED");
    }
    case "lost":
      return "POWER_STATE_UNSPECIFIED";
  }
}

function planOff({ last, blocked, now, freshId }: PowerSituation, session: string): Omit<PowerPlan, "begins"> {
  const plan = { current: "POWER_STATE_ON", order: undefined, checkAfter: LOOK_AGAIN } as const;
  if (blocked !== undefined) return { ...plan, status: status.waitsToBeOff(blocked) };
  const given = last?.session === session ? last : undefined;
  const ordering = { ...plan, status: status.SWITCHING_OFF };
  if (!given) return { ...ordering, order: { id: freshId, session, tries: 1 } };
  // A clock that was set back must not make it wait for ever.
  const since = Math.abs(now - given.at);
  const { id, tries, outcome, reason } = given;
  if (outcome === undefined || outcome === "unknown") {
    // It may have been carried out: under the same id it is not a second time.
    return since < AGAIN.first ? ordering : { ...ordering, order: { id, session, tries: tries + 1 } };
  }
  const again = { id: freshId, session, tries: tries + 1 };
  if (outcome === "done") return since < SHUTS_DOWN_WITHIN ? ordering : { ...ordering, order: again };
  const failed = { ...plan, status: status.cannotBeOff(reason ?? "no reason was given") };
  return since < Math.min(AGAIN.first * 2 ** (tries - 1), AGAIN.most) ? failed : { ...failed, order: again };
}

function statusOf({ desired, controller, liveness, last }: PowerSituation, current: State): Status {
  const actual = STATUS_OF[current] ?? status.UNKNOWN;
  switch (desired) {
    case "POWER_STATE_ON":
      return current === "POWER_STATE_OFF" ? status.waitsToBeOn(controller) : actual;
    case "POWER_STATE_OFF": {
      if (current === "POWER_STATE_OFF") return actual;
      const wasTold = "session" in liveness && last?.session === liveness.session && last.outcome === "done";
      if (wasTold && liveness.phase === "leaving") return status.SWITCHING_OFF;
      return wasTold ? status.TOLD_AND_LOST : status.waitsToBeOff("its agent is not connected");
    }
    case undefined:
    case "POWER_STATE_UNSPECIFIED":
      return actual;
    default:
      return status.notAState(desired, actual);
  }
}

const STATUS_OF: Partial<Record<State, Status>> = {
  POWER_STATE_ON: status.POWERED_ON,
  POWER_STATE_OFF: status.POWERED_OFF,
};

/** `POWER_COMMAND_POLICY_IMMEDIATE` waits for nobody; without a policy a machine is shut down in order. */
export function mannerOf(policy: Static<typeof PowerCommandPolicy> | undefined): Order["manner"] {
  return policy === "POWER_COMMAND_POLICY_IMMEDIATE" ? "at-once" : "orderly";
}
