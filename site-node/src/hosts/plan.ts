import type { HostState } from "@holdfast/protocol/kinds/host-states";
import type { Static } from "typebox";
import type { Seen } from "./observe.ts";
import { INVALIDATED, ONBOARDED, REGISTERED } from "./statuses.ts";

export interface HostSituation {
  readonly site: string;
  /** The host as the site shows it; undefined when it is not held here. */
  readonly host:
    | {
        readonly owner: string | undefined;
        readonly siteId: string | undefined;
        readonly desiredState: Static<typeof HostState> | undefined;
        readonly currentState: Static<typeof HostState> | undefined;
      }
    | undefined;
  /** A machine holds its credential. */
  readonly enrolled: boolean;
  /** Something that this site wanted of it is not in the replica yet. */
  readonly pending: boolean;
  /** What the machine says it is contradicts what the host is registered as. */
  readonly contradicted: boolean;
}

export interface HostPlan {
  /** Let the machine in no more: `revoke` ends its connection, `forget` leaves nothing of it at the broker either. */
  readonly expel: "revoke" | "forget" | undefined;
  /** Tell the hub that the site has let it go. */
  readonly release: "deleted" | "moved" | undefined;
  readonly observed: Seen;
  /** Tell the machine what it should be. */
  readonly instruct: boolean;
}

const NOTHING: HostPlan = { expel: undefined, release: undefined, observed: {}, instruct: false };

/** What the site must do about a host, if anything. Absence may put a machine out, and never does more. */
export function planHost({ site, host, enrolled, pending, contradicted }: HostSituation): HostPlan {
  const forget = enrolled ? ("forget" as const) : undefined;
  if (!host || host.owner !== site) return { ...NOTHING, expel: forget };
  if (host.desiredState === "HOST_STATE_DELETED") {
    return { ...NOTHING, expel: forget, release: pending ? undefined : "deleted" };
  }
  if (host.siteId !== site) {
    // What this site wanted of the machine must be in the hub's hands before another site takes it over.
    return pending ? NOTHING : { ...NOTHING, expel: forget, release: "moved" };
  }
  if (host.desiredState === "HOST_STATE_UNTRUSTED") {
    return {
      ...NOTHING,
      expel: enrolled ? "revoke" : undefined,
      observed: { fields: { currentState: "HOST_STATE_UNTRUSTED" }, statuses: { hostStatus: INVALIDATED } },
    };
  }
  return enrolled ? { ...NOTHING, observed: admittedAs(host.desiredState, contradicted), instruct: true } : NOTHING;
}

function admittedAs(desired: Static<typeof HostState> | undefined, contradicted: boolean): Seen {
  const registered = contradicted ? {} : { registrationStatus: REGISTERED };
  if (desired !== "HOST_STATE_ONBOARDED") {
    return { fields: { currentState: "HOST_STATE_REGISTERED" }, statuses: registered };
  }
  return {
    fields: { currentState: "HOST_STATE_ONBOARDED" },
    statuses: { ...registered, onboardingStatus: ONBOARDED },
  };
}
