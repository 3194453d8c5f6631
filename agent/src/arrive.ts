import { ArrivalReply, type ArrivalRequest } from "@holdfast/protocol/enrolment";
import { type Clock, messageOf, seconds } from "@holdfast/runtime";
import { Value } from "typebox/value";
import { withDeadline } from "./deadline.ts";
import { post } from "./http.ts";

export interface ArriveOptions {
  readonly clock: Clock;
  readonly siteUrl: string;
  readonly request: ArrivalRequest;
  readonly signal: AbortSignal;
}

/**
 * What the site at an address makes of a machine whose secret its broker refuses: `welcome` as a host of that site, `misplaced`
 * until an operator says that it belongs there, or no word on it.
 */
export type Arrival =
  | { readonly is: "welcome"; readonly siteId: string; readonly mqttPort: number }
  | { readonly is: "misplaced"; readonly siteId: string }
  | { readonly is: "unanswered"; readonly reason: string };

const ANSWER_WITHIN = seconds(10);

/** Shows up at the site, by `POST /v1/arrivals`. Never rejects, and never asks to be enrolled. */
export async function arrive({ clock, siteUrl, request, signal }: ArriveOptions): Promise<Arrival> {
  try {
    const { status, body } = await withDeadline(
      { clock, within: ANSWER_WITHIN, what: "showing up at the site", signal },
      (within) => post(new URL("/v1/arrivals", siteUrl), { headers: {}, body: request, signal: within }),
    );
    if (status < 200 || status > 299) return { is: "unanswered", reason: `the site answered ${status}` };
    const reply: unknown = JSON.parse(body);
    if (!Value.Check(ArrivalReply, reply))
      return { is: "unanswered", reason: "the answer is not one of a Holdfast site" };
    const { state, siteId, mqtt } = reply;
    return state === "welcome" ? { is: "welcome", siteId, mqttPort: mqtt.port } : { is: "misplaced", siteId };
  } catch (error) {
    return { is: "unanswered", reason: messageOf(error) };
  }
}
