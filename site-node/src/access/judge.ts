import type { AccessBody } from "@holdfast/protocol/feed";

const DAY = 86_400;

/** What a token's row is held against. Milliseconds since the epoch, by a clock that never goes back (rule 22). */
export interface Moment {
  readonly now: number;
  /** When the hub was last heard; undefined when it never was. */
  readonly hubHeardAt: number | undefined;
}

/** Why a token that the hub gave out opens nothing here now; undefined when it does (rule 6). */
export function judgeAccess(
  { notAfter, offlineSeconds }: Pick<AccessBody, "notAfter" | "offlineSeconds">,
  { now, hubHeardAt }: Moment,
): string | undefined {
  if (notAfter !== null && now >= notAfter) return "the token has expired";
  if (hubHeardAt === undefined)
    return "this site has never heard its hub, which alone could say that the token is good";
  if (now - hubHeardAt <= offlineSeconds * 1_000) return undefined;
  const heard = new Date(hubHeardAt).toISOString();
  return `the token is good for ${days(offlineSeconds)} without the hub, and the hub was last heard at ${heard}`;
}

function days(seconds: number): string {
  if (seconds < DAY) return `${seconds} seconds`;
  const whole = Math.floor(seconds / DAY);
  return whole === 1 ? "1 day" : `${whole} days`;
}
