import { join } from "node:path";
import { encode, type HardwareReport } from "@holdfast/protocol/messages";
import { UP } from "@holdfast/protocol/topics";
import { type Clock, Fault, hours, type Log, messageOf, minutes } from "@holdfast/runtime";
import { type Static, Type } from "typebox";
import { withDeadline } from "./deadline.ts";
import { readDocument, writeDocument } from "./durable-file.ts";
import type { Spool } from "./spool.ts";
import type { SpoolMessage } from "./spool-file.ts";

export type ReadHardware = (options: { root: string; now: number; signal?: AbortSignal }) => Promise<HardwareReport>;

export interface ReporterOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly stateDir: string;
  readonly root: string;
  readonly readHardware: ReadHardware;
  readonly spool: Spool;
  /** Names the enrolment; another one has been told nothing yet. Undefined before the first. */
  readonly enrolment: () => string | undefined;
  /** Ends a reading that is under way. */
  readonly signal: AbortSignal;
}

/** Tells the site what hardware this machine has: when it changed, once a day, and when the site asks. */
export interface Reporter {
  /** Reads the hardware; one reading at a time, and each call is answered by a reading begun after it. */
  scan(why: "look" | "asked"): Promise<HardwareReport>;
  /** A message that the site now has. */
  delivered(message: SpoolMessage): void;
  /** The last reading. */
  readonly latest: HardwareReport | undefined;
  /** Hash of the last report that the site has acknowledged; empty when none. */
  readonly acknowledgedHash: string;
  /** Hash of the last report made for the site, on its way or acknowledged; empty when none. */
  readonly sentHash: string;
}

const Acknowledged = Type.Object({ hash: Type.String(), at: Type.Number(), enrolment: Type.String() });

const AGAIN_AFTER = hours(24);
const READ_WITHIN = minutes(1);
/** Readings left hanging in the kernel hold threads that the rest of the program needs. */
const HANGING_MOST = 2;

/** Opens what is known of the last acknowledged report. */
export function createReporter(options: ReporterOptions): Reporter {
  const { clock, log, stateDir, root, readHardware, spool, enrolment, signal: stopped } = options;
  const file = join(stateDir, "reported-hardware.json");
  let acknowledged: Static<typeof Acknowledged> | undefined = readDocument(file, Acknowledged, log);
  let latest: HardwareReport | undefined;
  let hanging = 0;
  let last: Promise<unknown> = Promise.resolve();

  async function read(): Promise<HardwareReport> {
    if (hanging >= HANGING_MOST) throw new Fault("Unavailable", "earlier readings of the hardware still hang");
    hanging += 1;
    return withDeadline({ clock, within: READ_WITHIN, what: "reading the hardware", signal: stopped }, (signal) =>
      readHardware({ root, now: clock.now(), signal }).finally(() => {
        hanging -= 1;
      }),
    );
  }

  function isKnown(report: HardwareReport): boolean {
    const waiting = spool.pending(UP.hardware);
    // What waits to be sent is what the site will know, even where it already has what is true again now.
    if (waiting !== undefined) return waiting.note === report.hash;
    if (acknowledged === undefined || acknowledged.enrolment !== enrolment()) return false;
    // The clock may have jumped either way since.
    return acknowledged.hash === report.hash && Math.abs(clock.now() - acknowledged.at) < AGAIN_AFTER;
  }

  function acknowledgedHash(): string {
    return acknowledged !== undefined && acknowledged.enrolment === enrolment() ? acknowledged.hash : "";
  }

  async function scanNow(why: "look" | "asked"): Promise<HardwareReport> {
    const report = await read();
    if (latest?.hash !== report.hash) log.info({ hash: report.hash, unreadable: report.unreadable }, "hardware read");
    latest = report;
    if (why === "asked" || !isKnown(report)) {
      const payload = encode("HardwareReport", report);
      spool.put({ leaf: UP.hardware, payload, retain: true, key: UP.hardware, note: report.hash });
    }
    return report;
  }

  return {
    scan: (why) => {
      const next = last.then(
        () => scanNow(why),
        () => scanNow(why),
      );
      last = next;
      return next;
    },
    delivered: (message) => {
      const known = enrolment();
      if (message.leaf !== UP.hardware || message.note === undefined || known === undefined) return;
      acknowledged = { hash: message.note, at: clock.now(), enrolment: known };
      try {
        writeDocument(file, acknowledged);
      } catch (error) {
        log.warn({ error: messageOf(error) }, "not noted that the site has the report; a restart will send it again");
      }
    },
    get latest() {
      return latest;
    },
    get acknowledgedHash() {
      return acknowledgedHash();
    },
    get sentHash() {
      return spool.pending(UP.hardware)?.note ?? acknowledgedHash();
    },
  };
}
