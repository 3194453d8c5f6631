import { join, resolve } from "node:path";
import { type Authority, createAuthority, openSqliteStore, type Store } from "@holdfast/inventory";
import { createApi } from "@holdfast/inventory/api/api";
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
import { startChore } from "./chore.ts";
import type { HubConfig } from "./config.ts";
import { type Connections, watchConnections } from "./connections.ts";
import { firstStart } from "./first-start.ts";
import { databaseOf } from "./home.ts";
import { pruneFeeds } from "./prune-feeds.ts";
import { createShapes } from "./shapes/shapes.ts";
import { HUB_MIGRATIONS } from "./tables.ts";
import { authenticateOperator } from "./tokens/bearer.ts";
import { createEnrolments } from "./tokens/enrolments.ts";
import { tokenRoutes } from "./tokens/routes.ts";
import { createTokens, type Tokens } from "./tokens/tokens.ts";
import { linkRoutes, siteRoutes } from "./uplink/routes.ts";
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
}

const PAGE_BYTES = 1024 * 1024;

/** How long a client may take to read its answer once the hub closes. */
const READ_WITHIN = seconds(3);

/**
 * A hub that listens. Everything it knows is in its home, so that another may take over where it ended, however it
 * ended. Throws FailedPrecondition when another hub has the home or the port is taken.
 */
export async function createHub(config: HubConfig, { clock, log }: Surroundings): Promise<Hub> {
  const home = resolve(config.home);
  const started: Closable[] = [];
  const close = () => closeAll(...started);
  try {
    started.push(takeHome(home));
    const store = await openSqliteStore({ path: databaseOf(home), migrations: HUB_MIGRATIONS, clock, log });
    started.push(store);
    const authority = await createAuthority({ store, clock });
    const tokens = createTokens({ store, clock });
    await firstStart({ home, authority, tokens, log });
    const enrolments = createEnrolments({ store, clock });
    const sweep = { name: "take out expired enrolment tokens", every: minutes(1), work: () => enrolments.sweep() };
    const prune = { name: "prune feeds", every: hours(1), work: () => pruneFeeds({ store, clock }) };
    for (const chore of [sweep, prune]) started.push(startChore(chore, { clock, log }));
    const settings = {
      pollFor: seconds(config.pollSeconds),
      streamFor: seconds(config.streamSeconds),
      keepAliveEvery: seconds(config.keepAliveSeconds),
      budget: { rows: config.pageRows, bytes: PAGE_BYTES },
      requestsPerSite: config.requestsPerSite,
    };
    const shapes = createShapes({ store, tokens, epoch: () => authority.epoch(), clock, log, settings });
    const uplink = createUplink({ store, authority, enrolments, clock, log });
    const app = await createApi({
      inventory: authority,
      authenticate: (request) => authenticateOperator(tokens, request),
      clock,
      log,
      title: "Holdfast hub",
      extend(routes) {
        const parts = { uplink, authority, tokens, waiting: (site: string) => shapes.waiters.count(site) };
        shapes.routes(routes);
        tokenRoutes(routes, { store, tokens, enrolments });
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
