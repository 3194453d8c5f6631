import type { Store, Transaction, View } from "@holdfast/inventory";
import { Host } from "@holdfast/protocol/kinds/host";
import type { Resource } from "@holdfast/protocol/kinds/kind";
import { type Clock, checkAfter, type Log, minutes, type Reconciler, settled, type Verdict } from "@holdfast/runtime";
import { type Credentials, machineOf } from "../hosts/credentials.ts";
import { observe } from "../hosts/observe.ts";
import type { Presence } from "../hosts/presence.ts";
import type { Outbox } from "../outbox/outbox.ts";
import { isInConflict } from "../replica/conflicts.ts";
import { holdOf } from "../replica/in-place.ts";
import type { ReplicaOf } from "../replica/materialise.ts";
import { mayActuate } from "../replica/phase.ts";
import type { MachineControl, Order } from "./control.ts";
import { hasBegun, lastOrder, noteBegun, noteOrder, noteOutcome } from "./orders.ts";
import { mannerOf, type PowerSituation, planPower } from "./plan.ts";

export interface HostPowerOptions {
  readonly store: Store;
  readonly outbox: Outbox;
  readonly credentials: Pick<Credentials, "hosts">;
  readonly presence: Pick<Presence, "stateOf">;
  readonly control: Pick<MachineControl, "setPower">;
  readonly replicaOf: () => Promise<ReplicaOf | undefined>;
  readonly clock: Clock;
  /** Milliseconds since the epoch, never going back: what is wanted expires by it (rule 22). */
  readonly flooredNow: () => number;
  readonly log: Log;
}

/** A machine's clock may be as wrong as this and its site is still obeyed. */
const ORDER_HOLDS = minutes(10);

/** Switches machines off as is wanted, and says of each how its power stands and what that waits for. */
export function hostPower(options: HostPowerOptions): Reconciler {
  const { store, outbox, credentials, control, replicaOf, clock, log } = options;

  async function decide(transaction: Transaction, of: ReplicaOf, id: string) {
    const host = await managed(transaction, of, id);
    if (!host) return undefined;
    const now = clock.now();
    const plan = planPower(await situationOf(transaction, options, { of, host, now }));
    if (plan.current !== undefined && plan.status !== undefined) {
      const seen = { fields: { currentPowerState: plan.current }, statuses: { powerStatus: plan.status } };
      await observe(transaction, { outbox, of, now }, { id, seen });
    }
    const stamp = host.stamps.desiredPowerState;
    if (plan.begins && stamp?.applyBefore !== undefined) await noteBegun(transaction, id, stamp.id);
    if (plan.order) await noteOrder(transaction, id, { ...plan.order, at: now });
    return { plan, manner: mannerOf(host.fields.powerCommandPolicy) };
  }

  async function give(id: string, order: Order, signal: AbortSignal): Promise<void> {
    log.warn({ host: id, order: order.id, manner: order.manner }, "switching a machine off");
    const ordered = await control.setPower(id, "POWER_STATE_OFF", order, signal);
    log.info({ host: id, order: order.id, ...ordered }, "a machine was told to switch off");
    const outcome = { id: order.id, outcome: ordered.is, reason: ordered.reason };
    await store.write((transaction) => noteOutcome(transaction, id, outcome));
  }

  return {
    name: "host-power",
    list: async () => credentials.hosts(),
    reconcile: async (id, signal): Promise<Verdict> => {
      const of = await replicaOf();
      if (!of) return settled;
      const decided = await store.write((transaction) => decide(transaction, of, id));
      if (!decided) return settled;
      const { plan, manner } = decided;
      if (plan.order) await give(id, { id: plan.order.id, notAfter: clock.now() + ORDER_HOLDS, manner }, signal);
      return plan.checkAfter === undefined ? settled : checkAfter(plan.checkAfter);
    },
  };
}

/** A host whose power is this site's business: admitted, trusted, and neither leaving nor being deleted. */
async function managed(
  view: View,
  { tenant, site }: ReplicaOf,
  id: string,
): Promise<Resource<typeof Host> | undefined> {
  const host = await view.get(Host, tenant, id);
  if (host?.owner !== site || host.fields.siteId !== site) return undefined;
  const { desiredState } = host.fields;
  if (desiredState === "HOST_STATE_DELETED" || desiredState === "HOST_STATE_UNTRUSTED") return undefined;
  return (await machineOf(view, id)) === undefined ? undefined : host;
}

async function situationOf(
  view: View,
  { presence, flooredNow }: Pick<HostPowerOptions, "presence" | "flooredNow">,
  { of, host, now }: { of: ReplicaOf; host: Resource<typeof Host>; now: number },
): Promise<PowerSituation> {
  const { desiredPowerState: desired, currentPowerState: current, bmcIp } = host.fields;
  const wantsOff = desired === "POWER_STATE_OFF";
  return {
    desired,
    current,
    liveness: presence.stateOf(host.resourceId),
    last: await lastOrder(view, host.resourceId),
    blocked: wantsOff ? await whatBlocks(view, of, host.resourceId) : undefined,
    tooLate: await whenTooLate(view, host, flooredNow()),
    controller: bmcIp || undefined,
    now,
    freshId: crypto.randomUUID(),
  };
}

/** Rule 17: what was wanted while the site was silent is not begun with a day later. */
async function whenTooLate(view: View, host: Resource<typeof Host>, now: number): Promise<number | undefined> {
  const stamp = host.stamps.desiredPowerState;
  if (stamp?.applyBefore === undefined || now < stamp.applyBefore) return undefined;
  return (await hasBegun(view, host.resourceId, stamp.id)) ? undefined : stamp.applyBefore;
}

/** Rules 3, 20, 21: what may be undone, or may not be meant any more, is not begun. */
async function whatBlocks(view: View, { site }: ReplicaOf, id: string): Promise<string | undefined> {
  if (!(await mayActuate(view))) return "this site has yet to hear from its hub what holds now";
  if (await isInConflict(view, { kind: Host.name, id }, "desiredPowerState")) {
    return "several values are wanted of it, and an operator has to choose one";
  }
  const hold = await holdOf(view, site);
  return hold && `held until an operator releases it (${hold.reason} at ${new Date(hold.since).toISOString()})`;
}
