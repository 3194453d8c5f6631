import type { Indication, Status } from "../hosts/statuses.ts";

const of = (indicator: Indication) => (text: string) => ({ text: text.slice(0, 1_024), indicator });
const idle = of("STATUS_INDICATION_IDLE");
const inProgress = of("STATUS_INDICATION_IN_PROGRESS");
const error = of("STATUS_INDICATION_ERROR");

export const POWERED_ON: Status = idle("Powered on");
export const POWERED_OFF: Status = idle("Powered off");
export const UNKNOWN: Status = of("STATUS_INDICATION_UNSPECIFIED")("Unknown");
export const SWITCHING_OFF: Status = inProgress("Switching off");
/** It may be off: its agent was told, and went without a word. */
export const TOLD_AND_LOST: Status = of("STATUS_INDICATION_UNSPECIFIED")(
  "Unknown: told to switch off, not heard since",
);

export function waitsToBeOff(why: string): Status {
  return inProgress(`Waits to be switched off: ${why}`);
}

export function cannotBeOff(reason: string): Status {
  return error(`Cannot be switched off: ${reason}`);
}

/** It reached this site when its time was over; nobody may count on it any more. */
export function wantedTooLongAgo(desired: "POWER_STATE_ON" | "POWER_STATE_OFF", before: number): Status {
  const what = desired === "POWER_STATE_ON" ? "on" : "off";
  const limit = new Date(before).toISOString();
  return error(`Not switched ${what}: it was wanted too long ago, to begin before ${limit}, and must be wanted again`);
}

/** Nothing at the site can switch a machine on. */
export function waitsToBeOn(controller: string | undefined): Status {
  const how = controller === undefined ? "" : `, or by its controller at ${controller}, which is not used by this site`;
  return inProgress(`Waits to be switched on by somebody at the machine${how}`);
}

/** What happens once is a command; kept as a state it would happen again and again. */
export function notAState(desired: string, actual: Status): Status {
  return { ...actual, text: `${actual.text}; ${desired} is not kept up: give a command instead`.slice(0, 1_024) };
}
