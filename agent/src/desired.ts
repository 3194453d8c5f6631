import { join } from "node:path";
import { type Desired, type DocumentVersion, decode, encode, type Reported } from "@holdfast/protocol/messages";
import { UP } from "@holdfast/protocol/topics";
import { type Log, messageOf } from "@holdfast/runtime";
import { type Static, Type } from "typebox";
import { readDocument, writeDocument } from "./durable-file.ts";
import type { Spool } from "./spool.ts";

const Applied = Type.Object({
  siteId: Type.String(),
  hostId: Type.String(),
  version: Type.Object({ incarnation: Type.Number(), counter: Type.Number() }),
  generation: Type.Number(),
  name: Type.String(),
  heartbeatSeconds: Type.Optional(Type.Number()),
  telemetrySeconds: Type.Optional(Type.Number()),
});
export type Applied = Readonly<Static<typeof Applied>>;

export interface DesiredOptions {
  readonly log: Log;
  readonly stateDir: string;
  readonly spool: Spool;
  readonly siteId: string;
  readonly hostId: string;
  readonly onApplied: () => void;
}

/** What the site wants this machine to be. */
export interface DesiredState {
  /** A document from the site; whatever is in it, nothing is thrown. */
  receive(payload: Uint8Array): void;
  /** Takes up again the last document, if the disk refused to keep it: the site sends it but once a connection. */
  retry(): void;
  /** What was last applied, also before a restart. */
  readonly applied: Applied | undefined;
}

const HEARTBEAT = { least: 1, most: 3_600 };
const TELEMETRY = { least: 0, most: 86_400 };

/** Opens what was last applied. Documents of another host or site, as before an enrolment elsewhere, do not count. */
export function createDesiredState({ log, stateDir, spool, siteId, hostId, onApplied }: DesiredOptions): DesiredState {
  const file = join(stateDir, "applied.json");
  const kept: Applied | undefined = readDocument(file, Applied, log);
  let applied = kept?.siteId === siteId && kept.hostId === hostId ? kept : undefined;
  let failed: DocumentVersion | undefined;
  let told = false;
  let refused: Uint8Array | undefined;

  function report(reported: Reported): void {
    try {
      spool.put({ leaf: UP.reported, payload: encode("Reported", reported), retain: true, key: UP.reported });
    } catch (error) {
      log.error({ error: messageOf(error) }, "what was reached cannot be reported");
    }
  }

  function fail(version: DocumentVersion, generation: number, error: string): void {
    log.error({ version, error }, "the desired document cannot be applied");
    // The document is retained and so comes again with every connection; once is enough.
    if (failed !== undefined && !isNewer(version, failed)) return;
    failed = version;
    report({ version, state: "FAILED", error, generation });
  }

  function apply(desired: Desired, version: DocumentVersion): void {
    const { generation, name, heartbeatSeconds, telemetrySeconds } = desired;
    const wanted: Applied = {
      siteId,
      hostId,
      version,
      generation,
      name,
      ...(heartbeatSeconds !== undefined && { heartbeatSeconds }),
      ...(telemetrySeconds !== undefined && { telemetrySeconds }),
    };
    // Kept first: were it reported first and then lost, an older document could be applied after it.
    writeDocument(file, wanted);
    applied = wanted;
    told = true;
    log.info({ version, generation }, "desired document applied");
    report({ version, state: "APPLIED", generation });
    onApplied();
  }

  /** A crash may have come between keeping a document and reporting it: once a start, it is said again. */
  function repeat(version: DocumentVersion, generation: number): void {
    if (told || applied === undefined || isNewer(applied.version, version)) return;
    told = true;
    report({ version, state: "APPLIED", generation });
  }

  function read(payload: Uint8Array): Desired | undefined {
    try {
      return decode("Desired", payload);
    } catch (error) {
      const version = versionIn(payload);
      if (version === undefined) log.error({ error: messageOf(error) }, "the desired document cannot be read");
      else if (isNewer(version, applied?.version)) fail(version, 0, messageOf(error));
      return undefined;
    }
  }

  function take(desired: Desired, version: DocumentVersion, payload: Uint8Array): void {
    const wrong = faultIn(desired, hostId);
    try {
      if (wrong === undefined) apply(desired, version);
      else fail(version, desired.generation, wrong);
    } catch (error) {
      refused = payload;
      fail(version, desired.generation, messageOf(error));
    }
  }

  function receive(payload: Uint8Array): void {
    if (payload.length === 0) return;
    refused = undefined;
    const desired = read(payload);
    if (desired === undefined) return;
    const { version, generation } = desired;
    if (version === undefined) log.error("the desired document has no version");
    else if (isNewer(version, applied?.version)) take(desired, version, payload);
    else repeat(version, generation);
  }

  return {
    receive,
    retry: () => {
      if (refused !== undefined) receive(refused);
    },
    get applied() {
      return applied;
    },
  };
}

/** Ordered by incarnation, then by counter. Anything is newer than nothing. */
export function isNewer(version: DocumentVersion, than: DocumentVersion | undefined): boolean {
  if (than === undefined) return true;
  if (version.incarnation !== than.incarnation) return version.incarnation > than.incarnation;
  return version.counter > than.counter;
}

function faultIn(desired: Desired, hostId: string): string | undefined {
  const { heartbeatSeconds = HEARTBEAT.least, telemetrySeconds = TELEMETRY.least } = desired;
  if (desired.hostId !== hostId) return `the document is for ${desired.hostId}, this is ${hostId}`;
  if (heartbeatSeconds < HEARTBEAT.least || heartbeatSeconds > HEARTBEAT.most) {
    return `heartbeatSeconds is ${heartbeatSeconds}, not from ${HEARTBEAT.least} to ${HEARTBEAT.most}`;
  }
  if (telemetrySeconds > TELEMETRY.most) return `telemetrySeconds is ${telemetrySeconds}, not up to ${TELEMETRY.most}`;
  return undefined;
}

/** The version of a document that cannot be read as a whole: its first field, if that much is sound. */
function versionIn(payload: Uint8Array): DocumentVersion | undefined {
  const FIELD_1_LENGTH_DELIMITED = 0x0a;
  const length = payload[1] ?? 0;
  if (payload[0] !== FIELD_1_LENGTH_DELIMITED || length > 127 || payload.length < 2 + length) return undefined;
  try {
    return decode("DocumentVersion", payload.subarray(2, 2 + length));
  } catch {
    return undefined;
  }
}
