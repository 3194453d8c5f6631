import { randomBytes } from "node:crypto";
import { ArrivalReply, type ArrivalRequest, arrivalProof, isProof, welcomeProof } from "@holdfast/protocol/enrolment";
import { type Clock, hashSecret, messageOf, seconds } from "@holdfast/runtime";
import { Value } from "typebox/value";
import { askHealth } from "./broker-port.ts";
import { withDeadline } from "./deadline.ts";
import { post } from "./http.ts";

export interface ArriveOptions {
  readonly clock: Clock;
  readonly siteUrl: string;
  readonly machine: Omit<ArrivalRequest, "proof" | "nonce">;
  /** Is not shown to the site. */
  readonly secret: string;
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

const unanswered = (reason: string): Arrival => ({ is: "unanswered", reason });

/**
 * Shows up at the site, by `POST /v1/arrivals`. The secret is not shown, only a proof for that site that the machine has it;
 * and a site counts as saying welcome only when it proves to know the machine. Never rejects, and never asks to be enrolled.
 */
export async function arrive({ clock, siteUrl, machine, secret, signal }: ArriveOptions): Promise<Arrival> {
  const there = (await askHealth({ clock, siteUrl, signal }))?.siteId;
  if (there === undefined) return unanswered("no site says there which one it is");
  const [hash, nonce] = [hashSecret(secret), randomBytes(16).toString("hex")];
  const meeting = { hostId: machine.hostId, siteId: there };
  const request: ArrivalRequest = { ...machine, proof: arrivalProof(hash, meeting), nonce };
  try {
    const { status, body } = await withDeadline(
      { clock, within: ANSWER_WITHIN, what: "showing up at the site", signal },
      (within) => post(new URL("/v1/arrivals", siteUrl), { headers: {}, body: request, signal: within }),
    );
    if (status < 200 || status > 299) return unanswered(`the site answered ${status}`);
    const reply: unknown = JSON.parse(body);
    if (!Value.Check(ArrivalReply, reply)) return unanswered("the answer is not one of a Holdfast site");
    const { state, siteId, mqtt, proof = "" } = reply;
    if (state === "misplaced") return { is: "misplaced", siteId };
    if (siteId === there && isProof(proof, welcomeProof(hash, { ...meeting, nonce, port: mqtt.port }))) {
      return { is: "welcome", siteId, mqttPort: mqtt.port };
    }
    return unanswered(`${siteId} says welcome and cannot prove that it knows this machine`);
  } catch (error) {
    return unanswered(messageOf(error));
  }
}
