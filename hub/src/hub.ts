import { join, resolve } from "node:path";
import {
  type Authority,
  createAuthority,
  isOfDisk,
  openSqliteStore,
  type Store,
  watchStore,
} from "@holdfast/inventory";
import { createApi } from "@holdfast/inventory/api/api";
import { readProxies } from "@holdfast/inventory/api/request-limits";
import { mayAtHub } from "@holdfast/inventory/api/roles";
import { RequestMetrics } from "@holdfast/inventory/metrics/requests";
import { Metrics } from "@holdfast/inventory/metrics/serve";
import { withPowerCommands } from "@holdfast/inventory/power-commands";
import { type Clock, type Closable, closeAll, type Log, messageOf } from "@holdfast/runtime";
import { closing } from "@holdfast/runtime/closing";
import { holdHome, writePrivate } from "@holdfast/runtime/home";
import type { FastifyInstance } from "fastify";
import { noticeCutLog } from "./audit/noted-head.ts";
import { auditRoutes } from "./audit/routes.ts";
import { watchBeside } from "./beside.ts";
import { startChores } from "./chores.ts";
import { commandListener, createCommands } from "./commands/commands.ts";
import type { HubConfig } from "./config.ts";
import { createConflicts } from "./conflicts/conflicts.ts";
import { conflictListener } from "./conflicts/listener.ts";
import { openContacts } from "./contacts/contacts.ts";
import { createDoor } from "./contacts/door.ts";
import { everHeard } from "./contacts/ever-heard.ts";
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
import { listen, refusePlain } from "./listen.ts";
import { hubFamilies } from "./metrics/families.ts";
import { orchestratorRoute } from "./orchestrator.ts";
import { createReceipts } from "./receipts.ts";
import { createHistory } from "./recovery/history.ts";
import { createRecoveries } from "./recovery/recoveries.ts";
import { createRetirement } from "./retirement.ts";
import { findSecretsKey } from "./secrets/find-key.ts";
import { shapeSettings } from "./shapes/settings.ts";
import { createShapes } from "./shapes/shapes.ts";
import { createSignin } from "./signin/signin.ts";
import { hubSituation } from "./situation.ts";
import { hubStatusRoute } from "./status.ts";
import { HUB_MIGRATIONS } from "./tables.ts";
import { HUB_PROJECTS } from "./tenants/book.ts";
import { startTenantController, type TenantController } from "./tenants/controller.ts";
import { projectListener } from "./tenants/listener.ts";
import { createOrganisations } from "./tenants/organisations.ts";
import { createProjects } from "./tenants/projects.ts";
import { tenancyRoutes } from "./tenants/routes.ts";
import { accessListener, recoverAccess } from "./tokens/access.ts";
import { hubOffer } from "./tokens/bearer.ts";
import { createEnrolments } from "./tokens/enrolments.ts";
import { tokenRoutes } from "./tokens/routes.ts";
import { serviceRoutes } from "./tokens/service-routes.ts";
import { managedOf } from "./tokens/service-token.ts";
import { createTokens, type Tokens } from "./tokens/tokens.ts";
import { trustRoute } from "./trust/status-route.ts";
import { createTrust } from "./trust/trust.ts";
import { createBatchQueue } from "./uplink/batch-queue.ts";
import { createCourtesy, watchReaders } from "./uplink/courtesy.ts";
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
  readonly tenants: Pick<TenantController, "idle">;
  /** Lets held requests go, answers those that have begun, and leaves the home to the next. */
  close(): Promise<void>;
}

export interface Surroundings {
  readonly clock: Clock;
  readonly log: Log;
  /** Where the system hands over what is secret, if it does (systemd's `$CREDENTIALS_DIRECTORY`). */
  readonly credentialsDirectory?: string | undefined;
  /** Of the link to sites; tests stand in for versions that are not released by it. */
  readonly protocolVersion?: number;
}

/**
 * A hub that listens. Everything it knows is in its home, so that another may take over where it ended, however it
 * ended. Throws FailedPrecondition when another hub has the home or the port is taken.
 */
export async function createHub(
  config: HubConfig,
  { clock, log, protocolVersion, credentialsDirectory }: Surroundings,
): Promise<Hub> {
  const offer = hubOffer(protocolVersion);
  const home = resolve(config.home);
  refusePlain(config);
  const started: Closable[] = [];
  const close = () => closeAll(...started);
  try {
    started.push(holdHome(home, "hub"));
    readyHome(home, log);
    const trust = await createTrust({ home, config, clock, log });
    const secretsKey = findSecretsKey({ ...config, home, credentialsDirectory }, log);
    const opened = await openSqliteStore({
      path: databaseOf(home),
      migrations: HUB_MIGRATIONS,
      secretsKey,
      clock,
      log,
    });
    started.push(opened);
    const { store, disk } = watchStore(opened, { file: "hub.db", clock, log });
    started.push(disk);

    const holds = createHolds({ store, clock });
    const credentials = createCredentials();
    const arrivals = createArrivals();
    // What depends on the inventory changes with it, in the same transaction.
    const listeners = [
      conflictListener({ clock }),
      commandListener({ clock }),
      accessListener({ clock }),
      projectListener({ clock }),
      credentials.listener,
      holds.listener,
      arrivals.listener,
      aliasListener,
      forgetSite,
    ];
    const contacts = await openContacts({ store, clock, log });
    started.push(contacts);
    const isSilent = (site: string) => contacts.contactOf(site)?.silentSince !== undefined;
    const wasHeard = everHeard(contacts);
    const managed = managedOf(clock);
    const authority = await createAuthority({ store, clock, listeners, isSilent, wasHeard, managedOf: managed });
    const tokens = createTokens({ store, clock });
    await firstStart({ home, authority, tokens, log });

    const receipts = await createReceipts(store);
    const history = createHistory({ authority, holds, receipts, log });
    // Before anybody is answered, and before the mark that proves it is written again.
    await noticeRollBack({ home, store, authority, history, log });
    await noticeCutLog({ home, store, clock, log });
    const recovering = await createRecovering({ store, authority, clock, log });
    const beside = watchBeside(store, { clock, log, also: () => tokens.noticeRevoked() });
    started.push(beside);
    started.push(await keepHighWater({ home, store: beside.store, clock, log }));

    const door = createDoor({ tokens, contacts, offer });
    const conflicts = createConflicts({ authority, clock });
    await conflicts.showAll();
    const commands = createCommands({ store, clock });
    const enrolments = createEnrolments({ store, clock });
    const retirement = createRetirement({ store, authority });
    started.push(startChores({ store, enrolments, tokens, commands, retirement, clock, log }));
    const shapes = createShapes({
      ...{ store: beside.store, tokens, door, contacts, receipts, clock, log },
      onEpoch: (listener) => authority.onEpoch(listener),
      settings: shapeSettings(config),
    });

    const aliases = createAliases({ authority, clock });
    const handover = createHandover({ authority, tokens });
    const ports = { conflicts, commands, arrivals, aliases, access: { recoverAccess } };
    const recoveries = createRecoveries({ authority, credentials, ports, log });
    const courtesy = createCourtesy({ clock });
    const taking = { credentials, enrolments, holds, recoveries, history, receipts, courtesy, ports };
    const uplink = retirement.noting(createUplink({ store, authority, ...taking, clock, log }));
    const tenants = startTenantController({
      ...{ store: beside.store, authority, tokens, clock, log },
      wasHeard: (site) => contacts.contactOf(site) !== undefined,
    });
    started.push(tenants);
    const projects = createProjects({ store, authority, clock, onWanted: tenants.wake });
    const organisations = createOrganisations({ store, clock });
    const slots = createSlots({ count: config.uplinkSlots, clock });
    const queue = createBatchQueue(courtesy);

    const signin = await createSignin({ home, store, tokens, config, clock, log });
    const openRequests = (site: string) => shapes.waiters.count(site);
    const requests = new RequestMetrics();
    const metrics = new Metrics({
      ...{ store, clock, isSilent },
      families: async () => [
        ...(await hubFamilies({ home, store, contacts, disk, openRequests })),
        ...requests.families(),
      ],
    });
    if (config.metricsListen !== undefined) {
      const listener = await metrics.listen(config.metricsListen, { clock, log });
      started.push(listener);
      announce(join(home, "metrics-url"), listener.url, log);
    }

    const app = await createApi({
      inventory: withPowerCommands({ inventory: authority, commands, clock }),
      conflicts,
      commands,
      holds,
      projects: HUB_PROJECTS,
      situation: hubSituation(contacts),
      aliasOf: (view, tenant, id) => aliases.aliasOf(view, tenant, id),
      managed: authority,
      authenticate: signin.authenticate,
      clock,
      log,
      title: "Holdfast hub",
      tls: trust.tls,
      requestsPerSecond: config.requestsPerSecond,
      trustedProxies: readProxies("--trusted-proxies", config.trustedProxies),
      async extend(routes) {
        const parts = { uplink, authority, door, offer, slots, queue, recovering };
        claimRoutes(routes, recovering, offer);
        shapes.routes(routes);
        requests.watch(routes);
        metrics.route(routes, (principal) => mayAtHub(principal, "administer"));
        auditRoutes(routes, { store });
        tokenRoutes(routes, { store, tokens, enrolments });
        serviceRoutes(routes, { store, tokens, clock });
        handoverRoutes(routes, { store, handover });
        tenancyRoutes(routes, { store, projects, organisations });
        statusRoute(routes, { store, contacts, holds, openRequests });
        hubStatusRoute(routes, { store, disk, authenticate: signin.authenticate, clock });
        linkRoutes(routes, parts);
        siteRoutes(routes, parts);
        trustRoute(routes, trust);
        orchestratorRoute(routes);
        await signin.routes(routes);
      },
    });
    watchReaders(app.server, courtesy);
    started.push(closing(app, clock), trust.serve(app));
    const { url, port } = await listen(app, config);
    announce(join(home, "hub-url"), url, log);
    log.info({ url, home }, "the hub answers");
    return { url, port, app, authority, store, tokens, tenants, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Says in the home where the hub answers. Whoever looks for it there may know it already: a full disk is no reason not to answer. */
function announce(path: string, url: string, log: Log): void {
  try {
    writePrivate(path, url);
  } catch (error) {
    if (!isOfDisk(error)) throw error;
    log.error({ path, url, error: messageOf(error) }, "where the hub answers could not be written down");
  }
}
