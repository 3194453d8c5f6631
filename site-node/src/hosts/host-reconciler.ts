import type { Store, Transaction } from "@holdfast/inventory";
import { Host } from "@holdfast/protocol/kinds/host";
import { Instance } from "@holdfast/protocol/kinds/instance";
import type { Resource } from "@holdfast/protocol/kinds/kind";
import { kindOfId } from "@holdfast/protocol/kinds/kinds";
import { DOWN, hostTopic } from "@holdfast/protocol/topics";
import { type Clock, checkAfter, type Log, type Reconciler, seconds, settled, type Verdict } from "@holdfast/runtime";
import type { Broker } from "../broker/broker.ts";
import { readSetting } from "../database/settings.ts";
import { siteTables } from "../database/tables.ts";
import { hasPendingIntents } from "../intents/intents.ts";
import type { Outbox } from "../outbox/outbox.ts";
import type { ReplicaOf } from "../replica/materialise.ts";
import { type Credentials, machineOf } from "./credentials.ts";
import { type DesiredDocument, desiredContent, desiredPayload, storeDesired } from "./desired.ts";
import { endExpulsion, expel, expelledHosts, isExpelled } from "./expulsion.ts";
import type { Liveness } from "./liveness.ts";
import { observe } from "./observe.ts";
import { type HostPlan, planHost } from "./plan.ts";
import { type Presence, statusOf } from "./presence.ts";
import { release } from "./release.ts";
import { agentRefused } from "./statuses.ts";

export interface HostReconcilerOptions {
  readonly store: Store;
  readonly outbox: Outbox;
  readonly credentials: Credentials;
  readonly presence: Presence;
  readonly broker: Pick<Broker, "publish" | "forget">;
  readonly replicaOf: () => Promise<ReplicaOf | undefined>;
  readonly clock: Clock;
  readonly log: Log;
}

/** How soon a resource that waits for the hub is looked at again; mostly its feed row comes first. */
const LOOK_AGAIN = checkAfter(seconds(5));

interface Done {
  readonly plan: HostPlan;
  readonly document: DesiredDocument | undefined;
  /** A machine that may speak for the host no more is still to be put out. */
  readonly isExpelled: boolean;
}

/** Brings what this site does about each host in line with what is wanted of it, and says what it sees of it. */
export function hostReconciler(options: HostReconcilerOptions): Reconciler {
  const { store, credentials, replicaOf } = options;
  return {
    name: "hosts",
    list: async () => {
      const of = await replicaOf();
      if (!of) return [];
      const held = await store.read(async (view) => {
        const lists = await Promise.all([Host, Instance].map((kind) => view.list(kind, { tenant: of.tenant })));
        const ids = lists.flatMap(({ resources }) => resources.map(({ resourceId }) => resourceId));
        return [...ids, ...(await expelledHosts(view))];
      });
      return [...new Set([...held, ...credentials.hosts()])];
    },
    reconcile: async (id) => {
      const of = await replicaOf();
      const kind = kindOfId(id);
      if (!of || !kind) return settled;
      if (kind.name === Instance.name) return reconcileInstance(options, of, id);
      return kind.name === Host.name ? reconcileHost(options, of, id) : settled;
    },
  };
}

async function reconcileHost(options: HostReconcilerOptions, of: ReplicaOf, id: string): Promise<Verdict> {
  const decided = () => options.store.write((transaction) => decide(options, transaction, of, id));
  let done = await decided();
  if (done.isExpelled) {
    await putOut(options, id);
    done = await decided();
  }
  const { plan, document } = done;
  if (document && document.published === 0) await publish(options, of, document);
  return plan.waits ? LOOK_AGAIN : settled;
}

/** What must be durable before anything is done: the plan's record, and what the hub must hear of it. */
async function decide(
  { outbox, clock }: HostReconcilerOptions,
  transaction: Transaction,
  of: ReplicaOf,
  id: string,
): Promise<Done> {
  const host = await transaction.get(Host, of.tenant, id);
  const { contradicted, presence } = await linkOf(transaction, id);
  const plan = planHost({
    site: of.site,
    host: host && situationOf(host),
    enrolled: (await machineOf(transaction, id)) !== undefined,
    pending: await hasPendingIntents(transaction, Host.name, id),
    contradicted,
    presence,
  });
  if (plan.release) await release(transaction, outbox, { kind: Host, id, reason: plan.release });
  if (plan.expel) await expel(transaction, outbox, { host: id, by: plan.expel, at: clock.now() });
  // Shown anew, without what was observed of it: the machine is asked for its hardware again.
  if (host?.observedAt === undefined) await forgetReport(transaction, id);
  await observe(transaction, { outbox, of, now: clock.now() }, { id, seen: plan.observed });
  return {
    plan,
    document: plan.instruct && host ? await documentFor(transaction, host) : undefined,
    isExpelled: await isExpelled(transaction, id),
  };
}

function situationOf({ owner, fields, generation }: Resource<typeof Host>) {
  const { siteId, desiredState } = fields;
  return { owner, siteId: siteId === undefined ? undefined : String(siteId), desiredState, generation };
}

/** What the machine itself makes the host show. */
async function linkOf(transaction: Transaction, id: string) {
  const link = await siteTables(transaction)
    .selectFrom("host_link")
    .select(["mismatch", "liveness", "refusal"])
    .where("host", "=", id)
    .executeTakeFirst();
  if (!link) return { contradicted: false, presence: undefined };
  const { mismatch, liveness, refusal } = link;
  const presence = refusal === null ? statusOf(JSON.parse(liveness) as Liveness) : agentRefused(refusal);
  return { contradicted: mismatch !== null, presence };
}

async function forgetReport(transaction: Transaction, id: string): Promise<void> {
  await siteTables(transaction).updateTable("host_link").set({ report_hash: null }).where("host", "=", id).execute();
}

async function documentFor(transaction: Transaction, host: Resource<typeof Host>): Promise<DesiredDocument> {
  const incarnation = (await readSetting(transaction, "incarnation")) ?? 0;
  const content = await desiredContent(transaction, host);
  return storeDesired(transaction, { host: host.resourceId, incarnation, content });
}

async function putOut({ store, credentials, presence, broker, log }: HostReconcilerOptions, id: string): Promise<void> {
  // First nobody gets in any more, then who is in goes out.
  await credentials.refresh();
  await broker.forget(id);
  await presence.forget(id);
  await store.write((transaction) => endExpulsion(transaction, id));
  log.info({ host: id }, "host put out");
}

async function publish(
  { store, broker }: HostReconcilerOptions,
  of: ReplicaOf,
  document: DesiredDocument,
): Promise<void> {
  const { host, incarnation, counter } = document;
  await broker.publish(hostTopic(of.site, host, DOWN.desired), desiredPayload(document), { qos: 1, retain: true });
  await store.write((transaction) =>
    siteTables(transaction)
      .updateTable("desired_document")
      .set({ published: 1 })
      .where("host", "=", host)
      .where("incarnation", "=", incarnation)
      .where("counter", "=", counter)
      .execute(),
  );
}

async function reconcileInstance(
  { store, outbox }: HostReconcilerOptions,
  of: ReplicaOf,
  id: string,
): Promise<Verdict> {
  return store.write(async (transaction) => {
    const instance = await transaction.get(Instance, of.tenant, id);
    if (instance?.owner !== of.site || instance.fields.desiredState !== "INSTANCE_STATE_DELETED") return settled;
    if (await hasPendingIntents(transaction, Instance.name, id)) return LOOK_AGAIN;
    await release(transaction, outbox, { kind: Instance, id, reason: "deleted" });
    return settled;
  });
}
