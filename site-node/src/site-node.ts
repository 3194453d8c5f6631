import { join } from "node:path";
import { openSqliteStore, type Store, watchStore } from "@holdfast/inventory";
import { ROW } from "@holdfast/protocol/feed";
import { PROTOCOL_VERSION } from "@holdfast/protocol/handshake";
import { isSiteId, type SiteId } from "@holdfast/protocol/ids";
import { siteFingerprint } from "@holdfast/protocol/recovery";
import { type Clock, type Closable, closeAll, Fault, type Log, minutes, startReconciler } from "@holdfast/runtime";
import { holdHome } from "@holdfast/runtime/home";
import { startLocalApi } from "./api/local-api.ts";
import { RefusalLimit } from "./api/refusal-limit.ts";
import { Arrivals } from "./arrivals/arrivals.ts";
import { arrivalRoute } from "./arrivals/route.ts";
import { type Broker, startBroker } from "./broker/broker.ts";
import { startCommands } from "./commands/runner.ts";
import { createSiteCommands } from "./commands/site-commands.ts";
import type { SiteConfig } from "./config.ts";
import { siteMigrations } from "./database/migrations.ts";
import { readSetting, writeSetting } from "./database/settings.ts";
import { TimeFloor } from "./database/time-floor.ts";
import { admit } from "./enrolment/admit.ts";
import { announceUrl, readToken } from "./home.ts";
import { AgentCalls } from "./hosts/agent-calls.ts";
import { Credentials } from "./hosts/credentials.ts";
import { hostReconciler } from "./hosts/host-reconciler.ts";
import { Presence } from "./hosts/presence.ts";
import { Said } from "./hosts/said.ts";
import { republishAll, wakeOnCommit } from "./hosts/waking.ts";
import { Intents } from "./intents/intents.ts";
import { Outcomes } from "./intents/outcomes.ts";
import { SiteOrders } from "./orders/orders.ts";
import { orderKeyRoute } from "./orders/route.ts";
import { Outbox } from "./outbox/outbox.ts";
import { hostPower } from "./power/host-power.ts";
import { inBandControl } from "./power/in-band.ts";
import { openReleases } from "./releases/open.ts";
import { releaseRoutes } from "./releases/route.ts";
import { lookAgain } from "./replica/look-again.ts";
import { HubHeard } from "./uplink/heard.ts";
import { fetchFromHub } from "./uplink/hub-trust.ts";
import { knownReplica } from "./uplink/session.ts";
import { startSync } from "./uplink/sync.ts";

export interface Surroundings {
  readonly clock: Clock;
  readonly log: Log;
  /** The link to the hub. */
  readonly fetch?: typeof fetch;
  /** The version of the protocol that the site speaks, where it is not this program's. */
  readonly protocolVersion?: number;
}

export interface SiteNode {
  readonly url: string;
  readonly port: number;
  readonly mqttPort: number;
  readonly siteId: SiteId;
  readonly store: Store;
  readonly broker: Broker;
  /**
   * Resolves when the hub has all that this site had to say when it was called, and this site shows all that the hub
   * had. Waits for the link as long as it takes.
   */
  caughtUp(signal?: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

/** A whole site-node, started. It serves its site from the first moment, whether or not the hub is there. */
export async function createSiteNode(config: SiteConfig, surroundings: Surroundings): Promise<SiteNode> {
  const parts: Closable[] = [];
  try {
    const running = await build(config, surroundings, (part) => {
      parts.push(part);
      return part;
    });
    return { ...running, close: () => closeAll(...parts) };
  } catch (error) {
    await closeAll(...parts);
    throw error;
  }
}

/** Top to bottom; what is owned is closed in the other direction. */
async function build(
  config: SiteConfig,
  { clock, log, fetch: given, protocolVersion }: Surroundings,
  own: <P extends Closable>(part: P) => P,
): Promise<Omit<SiteNode, "close">> {
  const { home, listen } = config;
  const token = readToken(config.tokenFile);
  const carry = given ?? fetchFromHub({ config, log: log.child({ part: "sync" }) });
  own(holdHome(home, "site-node"));
  const opened = own(await openSqliteStore({ path: join(home, "site.db"), migrations: siteMigrations, clock, log }));
  const { store, disk } = watchStore(opened, { file: "site.db", clock, log });
  own(disk);
  const site = await siteOfHome(store, config.siteId);
  const replicaOf = () => knownReplica(store, site);
  const time = own(await TimeFloor.load({ store, clock, log: log.child({ part: "time" }) }));
  time.start();
  const before = await replicaOf();
  if (before)
    await lookAgain(store, before, { protocolVersion: protocolVersion ?? PROTOCOL_VERSION, now: clock.now() });
  const outbox = new Outbox(clock);
  const floored = { now: () => time.flooredNow() };
  const intents = new Intents(outbox, floored);
  const outcomes = new Outcomes(store, clock);
  const credentials = await Credentials.load(store);
  await republishAll(store);
  const heard = own(await HubHeard.load(store, { clock: time, log: log.child({ part: "sync" }) }));

  const presence = new Presence({ store, outbox, replicaOf, clock, log: log.child({ part: "presence" }) });
  const brokerLater: { broker?: Broker } = {};
  const brokerNow = () => {
    if (!brokerLater.broker) throw new Fault("Unavailable", "the broker is not up yet");
    return brokerLater.broker;
  };
  const orders = await SiteOrders.load({ site, store, clock: floored });
  const calls = new AgentCalls({ site, broker: brokerNow, clock, orders });
  const said = new Said({
    ...{ store, outbox, intents, presence, credentials, replicaOf, clock },
    calls,
    broker: brokerNow,
    log: log.child({ part: "hosts" }),
    protocolVersion,
  });
  await presence.start();
  own(presence);
  const broker = own(
    await startBroker({
      ...{ siteId: site, nodeName: site, credentials, onUp: said.take, clock },
      listen: { host: listen, port: config.mqttPort },
      database: join(home, "broker.db"),
      log: log.child({ part: "broker" }),
      protocolVersion,
    }),
  );
  brokerLater.broker = broker;

  const reconcilers = log.child({ part: "reconcilers" });
  const hosts = own(
    startReconciler(
      hostReconciler({ store, outbox, credentials, presence, broker, replicaOf, clock, log: reconcilers }),
      { clock, log: reconcilers, resyncEvery: minutes(5) },
    ),
  );
  const control = inBandControl(calls);
  const powerParts = { store, outbox, credentials, presence, control, replicaOf, clock, flooredNow: floored.now };
  const power = own(
    startReconciler(hostPower({ ...powerParts, log: reconcilers }), {
      clock,
      log: reconcilers,
      resyncEvery: minutes(5),
    }),
  );
  const waking = own(wakeOnCommit({ store, hosts, power, credentials, log: log.child({ part: "hosts" }) }));
  const carriesOut = {
    ...{ store, replicaOf, clock, flooredNow: floored.now },
    isReachable: (host: string) => presence.phaseOf(host) === "online",
  };
  const runner = own(await startCommands({ ...carriesOut, outbox, control, log: log.child({ part: "commands" }) }));
  const commands = createSiteCommands({ ...carriesOut, site, runner });
  const releases = openReleases(config, { store, clock, log: log.child({ part: "releases" }) });
  const arrivals = new Arrivals({ store, outbox, credentials, replicaOf, clock });

  const sync = own(
    startSync({
      ...{ store, outbox, site, heard, clock, protocolVersion },
      hub: { hubUrl: config.hubUrl, token, fetch: carry },
      onApplied: ({ kinds, credentials: taken, settled }) => {
        if (settled || kinds.has(ROW.command) || kinds.has(ROW.hold)) runner.wake();
        if (taken) waking.credentialsChanged();
        else if (settled) waking.all();
      },
      onTaken: () => outcomes.told(),
      log: log.child({ part: "sync" }),
    }),
  );
  const server = own(
    await startLocalApi({
      requestsPerSecond: config.requestsPerSecond,
      ...{ site, store, outbox, intents, outcomes, replicaOf, clock },
      listen: { host: listen, port: config.sitePort },
      metricsListen: config.metricsListen,
      hubHeardAt: () => heard.at(),
      flooredNow: () => time.flooredNow(),
      admit: async (request) => {
        const admission = await admit({ store, outbox, intents, credentials, replicaOf, clock: floored }, request);
        if (admission.admitted) for (const id of [admission.hostId, ...admission.putOut]) hosts.wake(id);
        return admission;
      },
      mqttPort: () => broker.port,
      commands,
      onHoldReleased: () => runner.wake(),
      protocolVersion,
      routes: [
        (app) => orderKeyRoute(app, { site, orders, credentials }),
        (app) => releases && releaseRoutes(app, { releases, log: log.child({ part: "releases" }) }),
        (app) => {
          const limit = new RefusalLimit(clock);
          arrivalRoute(app, { site, arrivals, limit, mqttPort: () => broker.port, log: log.child({ part: "api" }) });
        },
      ],
      status: {
        arrivals: () => arrivals.list(),
        disk: () => disk.trouble ?? broker.disk.trouble,
        connected: () => broker.connected(),
        notKept: () => said.notKept,
        fingerprint: siteFingerprint(token),
        claim: () => sync.claiming.waiting(),
      },
      log: log.child({ part: "api" }),
    }),
  );
  own(announceUrl(home, server.url));
  if (server.metricsUrl !== undefined) own(announceUrl(home, server.metricsUrl, "metrics-url"));
  log.info({ site, url: server.url, mqttPort: broker.port, hubUrl: config.hubUrl }, "site-node runs");
  return {
    url: server.url,
    port: server.port,
    mqttPort: broker.port,
    siteId: site,
    store,
    broker,
    caughtUp: (signal) => sync.caughtUp(signal),
  };
}

/** Which site this home is, said once and never changed: another site's rows in it would become this one's. */
async function siteOfHome(store: Store, given: string | undefined): Promise<SiteId> {
  const stored = await store.read((view) => readSetting(view, "site"));
  const site = stored ?? given;
  if (site === undefined)
    throw new Fault("InvalidArgument", "--site-id is needed at the first start: which site is this?");
  if (given !== undefined && given !== site) {
    throw new Fault("FailedPrecondition", `this --home is that of ${site}, not of ${given}: choose another --home`);
  }
  if (!isSiteId(site)) throw new Fault("InvalidArgument", `--site-id: "${site}" is no site's id`);
  if (stored === undefined) await store.write((transaction) => writeSetting(transaction, "site", site));
  return site;
}
