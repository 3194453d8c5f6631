import type { HostState } from "@holdfast/protocol/kinds/host-states";
import type { Static } from "typebox";
import type { ExpelledBy } from "./expulsion.ts";
import type { Seen } from "./observe.ts";
import { INVALIDATED, ONBOARDED, REGISTERED, type Status } from "./statuses.ts";

export interface HostSituation {
  readonly site: string;
  /** The host as the site shows it; undefined when it is not held here. */
  readonly host:
    | {
        readonly owner: string | undefined;
        readonly siteId: string | undefined;
        readonly desiredState: Static<typeof HostState> | undefined;
        readonly generation: number;
      }
    | undefined;
  /** A machine holds its credential. */
  readonly enrolled: boolean;
  /** Something that this site wanted of it is not in the replica yet. */
  readonly pending: boolean;
  /** What the machine says it is contradicts what the host is registered as. */
  readonly contradicted: boolean;
  /** Whether its agent is there; undefined when it was never heard. */
  readonly presence: Status | undefined;
}

export interface HostPlan {
  /** Let the machine in no more, end its connection, and leave nothing of it at the broker. */
  readonly expel: ExpelledBy | undefined;
  /** Tell the hub that the site has let it go. */
  readonly release: "deleted" | "moved" | undefined;
  readonly observed: Seen;
  /** Tell the machine what it should be. */
  readonly instruct: boolean;
  /** Look again soon: it cannot be let go before the hub shows what this site wanted of it. */
  readonly waits: boolean;
}

const NOTHING: HostPlan = { expel: undefined, release: undefined, observed: {}, instruct: false, waits: false };

/** What the site must do about a host, if anything. Absence may put a machine out, and never does more. */
export function planHost(situation: HostSituation): HostPlan {
  const { site, host, pending } = situation;
  const expel = (by: ExpelledBy) => (situation.enrolled ? by : undefined);
  if (!host || host.owner !== site) return { ...NOTHING, expel: expel("gone") };
  if (host.desiredState === "HOST_STATE_DELETED") {
    return { ...NOTHING, expel: expel("deleted"), release: pending ? undefined : "deleted", waits: pending };
  }
  if (host.siteId !== site) {
    // What this site wanted of the machine must be in the hub's hands before another site takes it over.
    return pending ? { ...NOTHING, waits: true } : { ...NOTHING, expel: expel("moved"), release: "moved" };
  }
  // How far the site has got, whether or not there is a machine that it can tell.
  const reached = { observedGeneration: host.generation };
  if (host.desiredState === "HOST_STATE_UNTRUSTED") {
    const fields = { currentState: "HOST_STATE_UNTRUSTED" } as const;
    const observed = { ...reached, fields, statuses: { hostStatus: INVALIDATED } };
    return { ...NOTHING, expel: expel("untrusted"), observed };
  }
  if (!situation.enrolled) return { ...NOTHING, observed: reached };
  return { ...NOTHING, observed: { ...reached, ...admitted(host.desiredState, situation) }, instruct: true };
}

function admitted(
  desired: Static<typeof HostState> | undefined,
  { contradicted, presence }: Pick<HostSituation, "contradicted" | "presence">,
): Seen {
  const isOnboarded = desired === "HOST_STATE_ONBOARDED";
  return {
    fields: { currentState: isOnboarded ? "HOST_STATE_ONBOARDED" : "HOST_STATE_REGISTERED" },
    statuses: {
      ...(contradicted ? {} : { registrationStatus: REGISTERED }),
      ...(isOnboarded ? { onboardingStatus: ONBOARDED } : {}),
      ...(presence ? { hostStatus: presence } : {}),
    },
  };
}
