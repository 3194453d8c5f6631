import type { HardwareReport } from "@holdfast/protocol/messages";
import { type Clock, type Log, messageOf } from "@holdfast/runtime";
import { type Arrival, arrive } from "./arrive.ts";
import type { Enrolment, Identity } from "./identity.ts";

export interface SiteSwitchOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly siteUrl: string;
  readonly identity: Identity;
  /** What is known of the machine, when anything is. */
  readonly report: () => HardwareReport | undefined;
}

/**
 * Where a machine whose secret is refused belongs by now: it shows up at the site that answers. Welcome there, it is that
 * site's from then on, durably, with the same secret and all that it has not sent yet; otherwise it stays whose it was. It
 * never gives up its identity, and never enrols again by itself. Undefined when nobody says welcome.
 */
export function createSiteSwitch(options: SiteSwitchOptions): (signal: AbortSignal) => Promise<Enrolment | undefined> {
  const { clock, log, siteUrl, identity, report } = options;
  let told: string | undefined;

  function tell(arrival: Arrival, siteId: string): void {
    const now = arrival.is === "unanswered" ? arrival.reason : `${arrival.is} ${arrival.siteId}`;
    if (told === now) return;
    told = now;
    if (arrival.is === "misplaced" && arrival.siteId !== siteId) {
      const about = { site: arrival.siteId, of: siteId };
      log.warn(about, "this machine is at another site, which shows it to its operators as misplaced");
    } else if (arrival.is === "misplaced") {
      log.warn({ site: siteId }, "the site does not know this host by its secret");
    } else if (arrival.is === "unanswered") {
      log.info({ reason: arrival.reason }, "no word on where this machine belongs");
    }
  }

  return async (signal) => {
    const { enrolment, machine } = identity;
    if (enrolment === undefined) return undefined;
    const { hostId, secret, siteId, mqttPort } = enrolment;
    const { serialNumber, uuid } = report()?.system ?? {};
    const shown = {
      ...{ hostId, machine },
      ...(serialNumber !== undefined && serialNumber.length <= 64 && { serialNumber }),
      ...(uuid !== undefined && { uuid }),
    };
    const arrival = await arrive({ clock, siteUrl, machine: shown, secret, signal });
    tell(arrival, siteId);
    if (arrival.is !== "welcome") return undefined;
    const next = { ...enrolment, siteId: arrival.siteId, mqttPort: arrival.mqttPort, siteUrl };
    if (arrival.siteId === siteId && arrival.mqttPort === mqttPort) return next;
    try {
      identity.enrolled(next);
    } catch (error) {
      log.error({ error: messageOf(error) }, "the site's welcome cannot be kept, will ask again");
      return undefined;
    }
    log.warn({ site: next.siteId, before: siteId }, "this machine belongs to another site now");
    return next;
  };
}
