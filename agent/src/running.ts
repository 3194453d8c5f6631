import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { PROTOCOL_VERSION } from "@holdfast/protocol/handshake";
import type { HardwareReport } from "@holdfast/protocol/messages";
import { type Clock, closeAll, Fault, hashSecret, type Log, messageOf, minutes } from "@holdfast/runtime";
import { askBrokerPort, askHealth } from "./broker-port.ts";
import { createCalls } from "./calls.ts";
import type { AgentConfig } from "./config.ts";
import { type Connection, startConnection } from "./connection.ts";
import { createDesiredState, type DesiredState } from "./desired.ts";
import { dispatch } from "./dispatch.ts";
import { enrol } from "./enrol.ts";
import { startHeartbeat } from "./heartbeat.ts";
import { type Enrolment, openIdentity } from "./identity.ts";
import { createJobs } from "./jobs.ts";
import type { Address } from "./link.ts";
import type { LogTail } from "./log-tail.ts";
import { startLoop } from "./loop.ts";
import { operationsOf } from "./operations.ts";
import { createOrders } from "./orders.ts";
import { createPower, type SwitchMachine } from "./power.ts";
import { createReporter, type ReadHardware } from "./report.ts";
import { createSiteSwitch } from "./site-switch.ts";
import { openSpool } from "./spool.ts";
import { startTelemetry } from "./telemetry.ts";
import { type Source, systemSources } from "./telemetry-sources.ts";
import { startUpdates } from "./update/updates.ts";

export interface Surroundings {
  readonly clock: Clock;
  readonly log: Log;
  readonly readHardware: ReadHardware;
  /** From 0 to below 1, for jitter. */
  readonly random?: () => number;
  /** Changes with each boot of the machine; by default what the kernel says. */
  readonly bootId?: string;
  /** What the site is shown of the agent's own log; nothing without it. */
  readonly logTail?: LogTail;
  /** What telemetry measures; by default this machine. */
  readonly sources?: Readonly<Record<string, Source>>;
  /** What switches the machine; nothing does without it, whatever `--allow-power` says. */
  readonly power?: SwitchMachine;
  /** The protocol that is spoken; another one stands in for a version that was not released. */
  readonly protocolVersion?: number;
}

export interface AgentState {
  readonly hostId: string | undefined;
  /** The session of the link that is up now. */
  readonly session: string | undefined;
  /** Hash of the report that the site has acknowledged; empty when none. */
  readonly reportHash: string;
  readonly unsent: { readonly bytes: number; readonly messages: number };
  /** Whether its loops turn. Says nothing of the site: an agent that is cut off is healthy. */
  readonly healthy: boolean;
}

/** An agent's parts, started. */
export interface Running {
  readonly status: () => AgentState;
  readonly rescan: () => Promise<HardwareReport>;
  readonly stop: (manner: "close" | "cut") => Promise<void>;
}

const HEARTBEAT_SECONDS = 10;
const UNHEALTHY_AFTER_MISSED = 6;

/** Builds the parts of an agent, top to bottom, and starts them. The state directory has to be held by then. */
export function run(config: AgentConfig, surroundings: Surroundings): Running {
  const { clock, log, readHardware, random = Math.random, logTail, protocolVersion = PROTOCOL_VERSION } = surroundings;
  const { stateDir, root, siteUrl, rescanSeconds } = config;
  const { bootId = readLine(root, "proc/sys/kernel/random/boot_id") ?? randomUUID() } = surroundings;
  const stopped = new AbortController();
  let connection: Connection | undefined;
  let desired: DesiredState | undefined;
  const link = () => connection?.link;

  const identity = openIdentity(stateDir, log);
  if (identity.enrolment === undefined && config.enrolTokenFile === undefined) {
    throw new Fault("InvalidArgument", "--enrol-token-file is needed: this machine is not enrolled yet");
  }
  const spool = openSpool({
    directory: join(stateDir, "spool"),
    log,
    onDelivered: (message) => {
      reporter.delivered(message);
      updates.delivered(message);
    },
  });
  const reporter = createReporter({
    clock,
    log,
    stateDir,
    root,
    readHardware,
    spool,
    enrolment: () => identity.enrolment && nameOf(identity.enrolment),
    signal: stopped.signal,
  });
  const heartbeatSeconds = () => desired?.applied?.heartbeatSeconds ?? HEARTBEAT_SECONDS;
  const telemetrySeconds = () => desired?.applied?.telemetrySeconds ?? config.telemetrySeconds;
  const switchMachine = config.allowPower ? surroundings.power : undefined;
  const power = createPower({ log, stateDir, switchMachine });
  const orders = createOrders({
    ...{ clock, log, stateDir, siteUrl, enrolment: () => identity.enrolment },
    signal: stopped.signal,
  });
  const operations = operationsOf({ identity, reporter, bootId, logTail, power, orders });
  const calls = createCalls({ clock, log, operations, link });

  const heartbeat = startHeartbeat({
    clock,
    log,
    random,
    link,
    seconds: heartbeatSeconds,
    reportHash: () => reporter.sentHash,
    applied: () => desired?.applied?.version,
    uptimeSeconds: () => wholeSeconds(readLine(root, "proc/uptime")),
  });
  const sources = surroundings.sources ?? systemSources(root);
  const telemetry = startTelemetry({ clock, log, sources, spool, link, seconds: telemetrySeconds });
  const rescanning = startLoop({
    name: "rescan",
    clock,
    log,
    begin: "after-pause",
    every: () => rescanSeconds * 1_000,
    run: async () => {
      desired?.retry();
      await reporter.scan("look");
    },
  });

  const { releaseKeys, programs } = config;
  const updates = startUpdates({
    ...{ clock, log, random, siteUrl, stateDir, releaseKeys, programs, link },
    report: () => reporter.scan("asked"),
  });
  const jobs = createJobs({ log, stateDir, spool, orders, work: { update: () => updates.wake() } });
  const switchSite = createSiteSwitch({ clock, log, siteUrl, identity, report: () => reporter.latest });

  /** What this machine should be is for the site to say that it belongs to: another site's word does not count. */
  function belongTo({ siteId, hostId, secret, mqttPort }: Enrolment): Address {
    const onApplied = () => {
      heartbeat.wake();
      telemetry.wake();
    };
    desired = createDesiredState({ log, stateDir, spool, siteId, hostId, onApplied });
    return { host: hostOf(siteUrl), port: config.mqttPort ?? mqttPort, siteId, hostId, secret };
  }

  function connect(enrolment: Enrolment): void {
    if (enrolment.siteUrl !== siteUrl) {
      log.warn({ siteUrl, enrolledAt: enrolment.siteUrl }, "enrolled at another address; the identity is kept");
    }
    connection = startConnection({
      clock,
      log,
      random,
      bootId,
      protocolVersion,
      address: belongTo(enrolment),
      ...(config.mqttPort === undefined && { findPort: (signal) => askBrokerPort({ clock, siteUrl, signal }) }),
      whoAnswers: async (signal) => (await askHealth({ clock, siteUrl, signal }))?.siteId,
      findWelcome: async (signal) => {
        const welcome = await switchSite(signal);
        if (!welcome) return undefined;
        rescanning.wake();
        return belongTo(welcome);
      },
      onMessage: (leaf, payload) => desired && dispatch({ desired, jobs, calls })(leaf, payload),
      onUp: (up) => {
        spool.attach(({ leaf, payload, retain }) => up.publish(leaf, payload, { qos: 1, retain }));
        heartbeat.wake();
        updates.up();
      },
      update: () => updates.told,
      onDown: () => spool.detach(),
    });
  }

  async function beAdmitted(tokenFile: string): Promise<void> {
    // Before asking, for a site knows a registered machine by its serial number or UUID.
    await reporter.scan("look").catch((error) => log.warn({ error: messageOf(error) }, "the hardware cannot be read"));
    const { machine } = identity;
    const asking = { clock, log, random, siteUrl, tokenFile, machine, protocolVersion, report: () => reporter.latest };
    identity.enrolled(await enrol(asking, stopped.signal));
    log.info({ host: identity.enrolment?.hostId, site: identity.enrolment?.siteId }, "enrolled");
  }

  async function enter(): Promise<void> {
    while (!stopped.signal.aborted) {
      try {
        if (identity.enrolment === undefined && config.enrolTokenFile) await beAdmitted(config.enrolTokenFile);
        stopped.signal.throwIfAborted();
        if (identity.enrolment) connect(identity.enrolment);
        return rescanning.wake();
      } catch (error) {
        if (stopped.signal.aborted) return;
        log.error({ error: messageOf(error) }, "enrolment cannot be kept, will try again");
        await clock.sleep(minutes(1), stopped.signal).catch(() => undefined);
      }
    }
  }

  const entering = enter();
  return {
    status: () => ({
      hostId: identity.enrolment?.hostId,
      session: link()?.session,
      reportHash: reporter.acknowledgedHash,
      unsent: spool.size,
      healthy: clock.monotonic() - heartbeat.lastTurn < UNHEALTHY_AFTER_MISSED * heartbeatSeconds() * 1_000,
    }),
    rescan: () => reporter.scan("asked"),
    stop: async (manner) => {
      stopped.abort(new Error("stopped"));
      spool.detach();
      if (manner === "cut") await connection?.cut();
      await entering;
      await closeAll(connection, updates, telemetry, rescanning, heartbeat);
    },
  };
}

/** Names an enrolment: a site, or a life of one, that has given another secret has been told nothing yet. */
function nameOf({ siteId, secret }: Enrolment): string {
  return hashSecret(`${siteId} ${secret}`);
}

function hostOf(siteUrl: string): string {
  // An IPv6 address stands in brackets in a URL, and without them in a socket's options.
  return new URL(siteUrl).hostname.replace(/^\[(.*)\]$/, "$1");
}

function readLine(root: string, path: string): string | undefined {
  try {
    return readFileSync(join(root, path), "utf8").trim();
  } catch {
    return undefined;
  }
}

function wholeSeconds(line: string | undefined): number | undefined {
  const seconds = Math.floor(Number.parseFloat(line ?? ""));
  return Number.isFinite(seconds) ? seconds : undefined;
}
