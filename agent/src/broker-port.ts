import { SiteHealth } from "@holdfast/protocol/enrolment";
import { type Clock, seconds } from "@holdfast/runtime";
import { Value } from "typebox/value";
import { withDeadline } from "./deadline.ts";
import { get } from "./http.ts";

export interface BrokerPortOptions {
  readonly clock: Clock;
  readonly siteUrl: string;
  readonly signal: AbortSignal;
}

const ANSWER_WITHIN = seconds(10);

/**
 * The port at which the site's broker is to be found now, by `GET /v1/health`: the one that enrolment told may have been
 * changed since. Undefined when the site does not answer or does not say; never rejects.
 */
export async function askBrokerPort(options: BrokerPortOptions): Promise<number | undefined> {
  return (await askHealth(options))?.mqtt.port;
}

/** What the site at an address says of itself. Undefined when nothing that is one answers; never rejects. */
export async function askHealth({ clock, siteUrl, signal }: BrokerPortOptions): Promise<SiteHealth | undefined> {
  try {
    const { body } = await withDeadline(
      { clock, within: ANSWER_WITHIN, what: "asking the site what it is", signal },
      (within) => get(new URL("/v1/health", siteUrl), within),
    );
    const health: unknown = JSON.parse(body);
    return Value.Check(SiteHealth, health) ? health : undefined;
  } catch {
    return undefined;
  }
}
