import { X509Certificate } from "node:crypto";
import { type Clock, type Closable, hours, type Log, messageOf } from "@holdfast/runtime";
import type { Root } from "./root.ts";

/** What a server shows for itself, PEM: its own certificate with the root behind it, and its private key. */
export interface ServerIdentity {
  readonly cert: string;
  readonly key: string;
}

export interface ServerCertificateParts {
  readonly root: Root;
  readonly names: readonly string[];
  readonly clock: Clock;
  readonly log: Log;
}

/** A certificate that is good as long as the program runs and the root allows it. */
export interface ServerCertificate {
  /** The one that is shown now. */
  current(): X509Certificate;
  readonly first: ServerIdentity;
  /** Issues another in time, until closed, and hands each over. */
  keepGood(show: (identity: ServerIdentity) => void): Closable;
}

interface Dates {
  readonly notBefore: number;
  readonly notAfter: number;
}

const LIFE = hours(24 * 90);
const LOOKED_AT_EVERY = hours(1);
/** Clocks of those who look may be behind. */
const EARLIER = hours(1);

/** Whether it is time for another certificate: a third of its life is left, or a clock was moved and its time has not come. Pure. */
export function isDue({ notBefore, notAfter }: Dates, now: number): boolean {
  return now < notBefore || now >= notAfter - (notAfter - notBefore) / 3;
}

/** Of a certificate made now: none outlives the root that it stands on. Pure. */
export function datesOf(now: number, rootEnds: number): Dates {
  const notAfter = Math.min(now + LIFE, rootEnds);
  return { notBefore: Math.min(now - EARLIER, notAfter), notAfter };
}

/** Issues a certificate with a key that is never stored. */
export async function createServerCertificate(parts: ServerCertificateParts): Promise<ServerCertificate> {
  const { root, names, clock, log } = parts;
  const { issueServer } = await import("./issue.ts");
  const rootEnds = root.certificate.validToDate.getTime();

  async function issue(): Promise<ServerIdentity> {
    const { certificate, key } = await issueServer({ root, names, ...datesOf(clock.now(), rootEnds) });
    return { cert: `${certificate}\n${root.certificate.toString()}`, key };
  }

  const first = await issue();
  let shown = new X509Certificate(first.cert);
  log.info({ names, notAfter: shown.validToDate.toISOString() }, "the hub has a certificate");

  /** When that fails the last one goes on, and it is tried again the next time. */
  async function renew(show: (identity: ServerIdentity) => void): Promise<void> {
    const dates = { notBefore: shown.validFromDate.getTime(), notAfter: shown.validToDate.getTime() };
    // What ends with the root cannot be had for longer.
    const isLast = dates.notAfter >= rootEnds && clock.now() >= dates.notBefore;
    if (isLast || !isDue(dates, clock.now())) return;
    try {
      const identity = await issue();
      show(identity);
      shown = new X509Certificate(identity.cert);
      log.info({ notAfter: shown.validToDate.toISOString() }, "the hub has a new certificate");
    } catch (error) {
      log.error(
        { error: messageOf(error) },
        "the hub's certificate could not be renewed, it is tried again in an hour",
      );
    }
  }

  return {
    first,
    current: () => shown,
    keepGood(show) {
      const stopped = new AbortController();
      const ended = (async () => {
        while (!stopped.signal.aborted) {
          await clock.sleep(LOOKED_AT_EVERY, stopped.signal).catch(() => undefined);
          if (!stopped.signal.aborted) await renew(show);
        }
      })();
      return {
        async close() {
          stopped.abort(new Error("stopped"));
          await ended;
        },
      };
    },
  };
}
