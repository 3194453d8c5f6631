import type { StatusIndication } from "@holdfast/protocol/kinds/values";
import type { Static } from "typebox";

export type Indication = Static<typeof StatusIndication>;

/** A status as people read it. The texts are those that existing clients of this API know. */
export interface Status {
  readonly text: string;
  readonly indicator: Indication;
}

const idle = (text: string): Status => ({ text, indicator: "STATUS_INDICATION_IDLE" });
const error = (text: string): Status => ({ text, indicator: "STATUS_INDICATION_ERROR" });

export const RUNNING = idle("Running");
/** It said goodbye. */
export const NOT_CONNECTED = idle("Not Connected");
/** It said nothing any more. */
export const NO_CONNECTION = error("No Connection");
export const INVALIDATED = idle("Invalidated");
export const ONBOARDED = idle("Onboarded");
export const REGISTERED = idle("Host is Registered");

/** Its agent speaks a protocol that this site does not serve. */
export function agentRefused(reason: string): Status {
  return error(`Agent refused: ${reason}`.slice(0, 1_024));
}

/** What the machine says it is, against what the host is registered as. */
export function mismatch(of: "Serial Number" | "UUID", reported: string): Status {
  const text = `Host Registration Failed due to mismatch of ${of}, Reported ${of} is: ${reported}`;
  return error(text.slice(0, 1_024));
}
