import { join, resolve } from "node:path";
import { type Authority, createAuthority, openSqliteStore, type Store } from "@holdfast/inventory";
import { createApi } from "@holdfast/inventory/api/api";
import { withPowerCommands } from "@holdfast/inventory/power-commands";
import {
  type Clock,
  type Closable,
  closeAll,
  Fault,
  hours,
  type Log,
  listenFault,
  minutes,
  seconds,
} from "@holdfast/runtime";
import { holdHome, writePrivate } from "@holdfast/runtime/home";
import type { FastifyInstance } from "fastify";
import { watchBeside } from "./beside.ts";
import { startChore } from "./chore.ts";
import { commandListener, createCommands } from "./commands/commands.ts";
import type { HubConfig } from "./config.ts";
import { createConflicts } from "./conflicts/conflicts.ts";
import { conflictListener } from "./conflicts/listener.ts";
import { type Connections, watchConnections } from "./connections.ts";
import { openContacts } from "./contacts/contacts.ts";
import { createDoor } from "./contacts/door.ts";
import { statusRoute } from "./contacts/status-route.ts";
import { createCredentials } from "./credentials/credentials.ts";
import { claimRoutes } from "./disaster/claim-routes.ts";
import { keepHighWater } from "./disaster/high-water.ts";
import { readyHome } from "./disaster/ready-home.ts";
import { createRecovering } from "./disaster/recovering.ts";
import { noticeRollBack } from "./disaster/roll-back.ts";
import { firstStart } from "./first-start.ts";
import { aliasListener, createAliases } from "./handover/aliases.ts";
import { createArrivals } from "./handover/arrivals.ts";
import { createHandover } from "./handover/handover.ts";
import { handoverRoutes } from "./handover/routes.ts";
import { createHolds } from "./holds/holds.ts";
import { databaseOf } from "./home.ts";
import { pruneFeeds } from "./prune-feeds.ts";
import { createReceipts } from "./receipts.ts";
import { createHistory } from "./recovery/history.ts";
import { createRecoveries } from "./recovery/recoveries.ts";
import { createRetirement } from "./retirement.ts";
import { createShapes } from "./shapes/shapes.ts";
import { hubSituation } from "./situation.ts";
import { HUB_MIGRATIONS } from "./tables.ts";
import { accessListener, recoverAccess } from "./tokens/access.ts";
import { authenticateOperator, hubOffer } from "./tokens/bearer.ts";
import { createEnrolments } from "./tokens/enrolments.ts";
import { tokenRoutes } from "./tokens/routes.ts";
import { createTokens, type Tokens } from "./tokens/tokens.ts";
import { forgetSite } from "./uplink/forget-site.ts";
import { linkRoutes, siteRoutes } from "./uplink/routes.ts";
import { createSlots } from "./uplink/slots.ts";
import { createUplink } from "./uplink/uplink.ts";

/** A running hub. */
export interface Hub {
  /** Where it answers, with the port that it got. */
  readonly url: string;
  readonly port: number;
  readonly app: FastifyInstance;
  readonly authority: Authority;
  readonly store: Store;
  readonly tokens: Tokens;
  /** Lets held requests go, answers those that have begun, and leaves the home to the next. */
  close(): Promise<void>;
}

export interface Surroundings {
  readonly clock: Clock;
  readonly log: Log;
  /** Of the link to sites; tests stand in for versions that are not released by it. */
  readonly protocolVersion?: number;
}

const PAGE_BYTES = 1024 * 1024;

/** How long a client may take to read its answer once the hub closes. */
const READ_WITHIN = seconds(3);

/**
 * A hub that listens. Everything it knows is in its home, so that another may take over where it ended, however it
 * ended. Throws FailedPrecondition when another hub has the home or the port is taken.
 */
export async function createHub(config: HubConfig, { clock, log, protocolVersion }: Surroundings): Promise<Hub> {
  const offer = hubOffer(protocolVersion);
  const home = resolve(config.home);
  const started: Closable[] = [];
  const close = () => closeAll(...started);
  try {
    started.push(takeHome(home));
    readyHome(home, log);
    const store = await openSqliteStore({ path: databaseOf(home), migrations: HUB_MIGRATIONS, clock, log });
    started.push(store);
    const holds = createHolds({ store, clock });
    const credentials = createCredentials();
    const arrivals = createArrivals();
    const listeners = [
      conflictListener({ clock }),
      commandListener({ clock }),
      accessListener({ clock }),
      credentials.listener,
      holds.listener,
      arrivals.listener,
      aliasListener,
      forgetSite,
    ];
    const contacts = await openContacts({ store, clock, log });
    started.push(contacts);
    const isSilent = (site: string) => contacts.contactOf(site)?.silentSince !== undefined;
    const authority = await createAuthority({ store, clock, listeners, isSilent });
    const tokens = createTokens({ store, clock });
    await firstStart({ home, authority, tokens, log });
    const receipts = await createReceipts(store);
    const history = createHistory({ authority, holds, receipts, log });
    await noticeRollBack({ home, store, authority, history, log });
    const recovering = await createRecovering({ store, authority, clock, log });
    const beside = watchBeside(store, { clock, log, also: () => tokens.noticeRevoked() });
    started.push(beside);
    started.push(await keepHighWater({ home, store: beside.store, clock, log }));
    const door = createDoor({ tokens, contacts, offer });
    const conflicts = createConflicts({ authority, clock });
    await conflicts.showAll();
    const commands = createCommands({ store, clock });
    const enrolments = createEnrolments({ store, clock });
    const sweep = { name: "take out expired enrolment tokens", every: minutes(1), work: () => enrolments.sweep() };
    const prune = { name: "prune feeds", every: hours(1), work: () => pruneFeeds({ store, clock }) };
    const access = { name: "say who may come in at sites", every: minutes(1), work: () => tokens.publishAccess() };
    const ending = { name: "end commands whose time is over", every: seconds(10), work: () => commands.sweep() };
    const retirement = createRetirement({ store, authority });
    const purge = { name: "remove what is retired", every: hours(1), work: () => retirement.purge() };
    for (const chore of [sweep, prune, access, ending, purge]) started.push(startChore(chore, { clock, log }));
    const settings = {
      pollFor: seconds(config.pollSeconds),
      streamFor: seconds(config.streamSeconds),
      keepAliveEvery: seconds(config.keepAliveSeconds),
      budget: { rows: config.pageRows, bytes: PAGE_BYTES },
      requestsPerSite: config.requestsPerSite,
    };
    const heardBy = { tokens, door, contacts };
    const shapes = createShapes({
      store: beside.store,
      ...heardBy,
      receipts,
      onEpoch: (listener) => authority.onEpoch(listener),
      clock,
      log,
      settings,
    });
    const aliases = createAliases({ authority, clock });
    const handover = createHandover({ authority, tokens });
    const ports = { conflicts, commands, arrivals, aliases, access: { recoverAccess } };
    const recoveries = createRecoveries({ authority, credentials, ports, log });
    const taking = { credentials, enrolments, holds, recoveries, history, receipts, ports };
    const uplink = retirement.noting(createUplink({ store, authority, ...taking, clock, log }));
    const slots = createSlots({ count: config.uplinkSlots, clock });
    const app = await createApi({
      inventory: withPowerCommands({ inventory: authority, commands, clock }),
      conflicts,
      commands,
      holds,
      situation: hubSituation(contacts),
      aliasOf: (view, tenant, id) => aliases.aliasOf(view, tenant, id),
      authenticate: (request) => authenticateOperator(tokens, request),
      clock,
      log,
      title: "Holdfast hub",
      extend(routes) {
        const waiting = (site: string) => shapes.waiters.count(site);
        const parts = { uplink, authority, door, offer, slots, recovering };
        claimRoutes(routes, recovering, offer);
        shapes.routes(routes);
        tokenRoutes(routes, { store, tokens, enrolments });
        handoverRoutes(routes, { store, handover });
        statusRoute(routes, { store, contacts, holds, waiting });
        linkRoutes(routes, parts);
        siteRoutes(routes, parts);
      },
    });
    const connections = watchConnections(app.server);
    started.push({ close: () => closeServer(app, connections, clock) });
    const { url, port } = await listen(app, config);
    writePrivate(join(home, "hub-url"), url);
    log.info({ url, home }, "the hub answers");
    return { url, port, app, authority, store, tokens, close };
  } catch (error) {
    await close();
    throw error;
  }
}

function takeHome(home: string): Closable {
  try {
    return holdHome(home, "hub");
  } catch (cause) {
    if (cause instanceof Fault) throw cause;
    throw new Fault("FailedPrecondition", `--home ${home} cannot be used`, { cause });
  }
}

/** Answers what has begun, and waits for nobody who does not read. */
async function closeServer(app: FastifyInstance, connections: Connections, clock: Clock): Promise<void> {
  const closed = new AbortController();
  connections.endIdle();
  const late = clock.sleep(READ_WITHIN, closed.signal).then(
    () => connections.endAll(),
    () => undefined,
  );
  await app.close();
  closed.abort();
  await late;
}

async function listen(app: FastifyInstance, config: HubConfig): Promise<{ url: string; port: number }> {
  try {
    await app.listen({ host: config.listen, port: config.hubPort });
  } catch (error) {
    const fault = listenFault(error, "--hub-port", config.hubPort);
    if (fault instanceof Fault) throw fault;
    throw new Fault("FailedPrecondition", `--listen ${config.listen}: no such address here`, { cause: error });
  }
  const address = app.server.address();
  const port = typeof address === "object" && address ? address.port : config.hubPort;
  const host = ["0.0.0.0", "::"].includes(config.listen) ? "127.0.0.1" : config.listen;
  return { url: `http://${host.includes(":") ? `[${host}]` : host}:${port}`, port };
}
