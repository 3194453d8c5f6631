import { readFileSync } from "node:fs";
import { EnrolReply, EnrolRequest } from "@holdfast/protocol/enrolment";
import { offerHeaders } from "@holdfast/protocol/handshake";
import type { HardwareReport } from "@holdfast/protocol/messages";
import { type Clock, fullJitter, type Log, messageOf, minutes, seconds } from "@holdfast/runtime";
import { Value } from "typebox/value";
import { withDeadline } from "./deadline.ts";
import { post } from "./http.ts";
import { Enrolment } from "./identity.ts";
import { AGENT_VERSION, CAPABILITIES } from "./version.ts";

export interface EnrolOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
  readonly siteUrl: string;
  readonly tokenFile: string;
  readonly machine: string;
  readonly protocolVersion: number;
  /** What is known of the machine, when anything is. */
  readonly report: () => HardwareReport | undefined;
}

/** What came of asking once. `asked-wrong`: asking again the same way helps only after somebody has done something. */
type Outcome =
  | { readonly is: "admitted"; readonly enrolment: Enrolment }
  | { readonly is: "not-yet"; readonly reason: string }
  | { readonly is: "asked-wrong"; readonly reason: string };

const ANSWER_WITHIN = seconds(30);
/** A site that is only just starting is met fast. */
const EAGER = { tries: 10, first: seconds(1), most: seconds(2) };
const PATIENT = { first: seconds(1), most: minutes(1) };
const SLOW = minutes(5);
const ASKED_WRONG: readonly number[] = [400, 403, 409, 426];

/** Asks the site to admit this machine until it does. Rejects only when the signal is aborted. */
export async function enrol(options: EnrolOptions, signal: AbortSignal): Promise<Enrolment> {
  const { clock, log, random, siteUrl } = options;
  for (let tries = 0; ; tries += 1) {
    const outcome = await ask(options, signal);
    signal.throwIfAborted();
    if (outcome.is === "admitted") return outcome.enrolment;
    const pause =
      outcome.is === "asked-wrong" ? SLOW : fullJitter(tries, tries < EAGER.tries ? EAGER : PATIENT, random);
    const about = { siteUrl, reason: outcome.reason, tries: tries + 1, pause };
    if (outcome.is === "asked-wrong") log.error(about, "the site does not admit this machine");
    else log.warn(about, "not admitted yet, will ask again");
    await clock.sleep(pause, signal);
  }
}

async function ask(options: EnrolOptions, signal: AbortSignal): Promise<Outcome> {
  const { clock, siteUrl, tokenFile, protocolVersion } = options;
  let request: EnrolRequest;
  try {
    request = enrolRequest(readFileSync(tokenFile, "utf8").trim(), options);
  } catch (error) {
    return { is: "not-yet", reason: `reading the enrolment token: ${messageOf(error)}` };
  }
  try {
    return await withDeadline({ clock, within: ANSWER_WITHIN, what: "enrolment", signal }, async (within) => {
      const offer = { version: protocolVersion, capabilities: CAPABILITIES };
      const url = new URL("/v1/enroll", siteUrl);
      const { status, body } = await post(url, { headers: offerHeaders(offer), body: request, signal: within });
      return outcomeOf(siteUrl, status, body);
    });
  } catch (error) {
    return { is: "not-yet", reason: messageOf(error) };
  }
}

function enrolRequest(token: string, { machine, protocolVersion, report }: EnrolOptions): EnrolRequest {
  const { system, os } = report() ?? {};
  const { serialNumber, uuid, uuidDerived } = system ?? {};
  return {
    token,
    machine,
    ...sayable({ serialNumber, uuid, uuidDerived, hostname: os?.hostname }),
    agent: AGENT_VERSION,
    protocol: protocolVersion,
    capabilities: [...CAPABILITIES],
  };
}

/** Without what no site accepts, as firmware's serial number of a hundred characters: the rest is still a proof. */
function sayable(known: { [Name in "serialNumber" | "uuid" | "uuidDerived" | "hostname"]: EnrolRequest[Name] }) {
  const entries = Object.entries(known).filter(([name, value]) => {
    return value !== undefined && Value.Check(EnrolRequest.properties[name as keyof typeof known], value);
  });
  return Object.fromEntries(entries) as Partial<EnrolRequest>;
}

function outcomeOf(siteUrl: string, status: number, body: string): Outcome {
  if (status < 200 || status > 299) {
    const reason = `${status}: ${sentenceIn(body)}`;
    return { is: ASKED_WRONG.includes(status) ? "asked-wrong" : "not-yet", reason };
  }
  const reply = parse(body);
  if (Value.Check(EnrolReply, reply)) {
    const { hostId, siteId, secret, mqtt } = reply;
    const enrolment = { hostId, siteId, secret, mqttPort: mqtt.port, siteUrl };
    if (Value.Check(Enrolment, enrolment)) return { is: "admitted", enrolment };
  }
  return { is: "not-yet", reason: `${status}: the answer is not one of a Holdfast site` };
}

function sentenceIn(body: string): string {
  const parsed = parse(body);
  const message = parsed !== null && typeof parsed === "object" && "message" in parsed ? parsed.message : undefined;
  return (typeof message === "string" ? message : body).slice(0, 500);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
