import { CONTACT_EVERY } from "@holdfast/protocol";
import { seconds } from "@holdfast/runtime";

/** A site that holds nothing open and says nothing for so long is silent, milliseconds. */
export const SILENT_AFTER = seconds(30);

/** An open request proves little once the site has sent nothing for so long: what is between may hold it open. */
export const UNHEARD_AFTER = 3 * CONTACT_EVERY;

/** The first version in which a site says now and then that it is there. */
const SAYS_SO_SINCE = 2;

/** A moment on both clocks: what is shown, and what durations are measured by. */
export interface Moment {
  readonly at: number;
  readonly monotonic: number;
}

/** How a site was heard. */
export interface Heard {
  /** When it last sent something; undefined when that was before the hub started. */
  readonly received: Moment | undefined;
  /** When it let go of the last request that it held open. */
  readonly closed: Moment | undefined;
  /** How many requests it holds open. */
  readonly open: number;
  /** The version that it speaks. */
  readonly protocol: number | undefined;
  /** When an earlier life of this process heard it last, milliseconds since the epoch. */
  readonly before: number | undefined;
}

export type Hearing =
  | { readonly is: "heard"; readonly at: number }
  | { readonly is: "silent"; readonly since: number }
  | { readonly is: "never-heard" };

/** Whether a site is heard now. After a start of the hub nobody is until it says something. */
export function hearing(heard: Heard, now: Moment): Hearing {
  const { received, closed, open, protocol, before } = heard;
  if (!received) return before === undefined ? { is: "never-heard" } : { is: "silent", since: before };
  const saysSo = (protocol ?? 0) >= SAYS_SO_SINCE;
  if (saysSo && now.monotonic - received.monotonic > UNHEARD_AFTER) return { is: "silent", since: received.at };
  if (open > 0) return { is: "heard", at: now.at };
  const last = closed && closed.monotonic > received.monotonic ? closed : received;
  if (now.monotonic - last.monotonic > SILENT_AFTER) return { is: "silent", since: last.at };
  return { is: "heard", at: last.at };
}
