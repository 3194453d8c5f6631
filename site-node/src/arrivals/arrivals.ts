import type { Store } from "@holdfast/inventory";
import { type ArrivalRequest, arrivalProof, isProof } from "@holdfast/protocol/enrolment";
import { Host } from "@holdfast/protocol/kinds/host";
import { type Clock, minutes } from "@holdfast/runtime";
import type { Credentials } from "../hosts/credentials.ts";
import type { Outbox } from "../outbox/outbox.ts";
import type { ReplicaOf } from "../replica/materialise.ts";

/** A machine that is here and should be elsewhere, as it says of itself. Times are milliseconds since the epoch. */
export interface Arrived {
  readonly hostId: string;
  readonly machine: string;
  readonly serialNumber: string | undefined;
  readonly uuid: string | undefined;
  readonly since: number;
  readonly seenAt: number;
}

/**
 * What a machine that shows up is told. `welcome`: it is a host of this site. `wrong-secret`: the host is, the machine is not
 * known as it. `misplaced`: this site does not manage the host, and so cannot tell whether the machine is it.
 */
export type Welcome =
  /** By the hash of the secret that it has proved to have. */
  | { readonly is: "welcome"; readonly hash: string }
  | { readonly is: "wrong-secret" }
  | { readonly is: "misplaced"; readonly isNew: boolean };

export interface ArrivalsOptions {
  readonly store: Store;
  readonly outbox: Outbox;
  readonly credentials: Pick<Credentials, "hashOf">;
  readonly replicaOf: () => Promise<ReplicaOf | undefined>;
  readonly clock: Clock;
}

/** How often the hub hears of a machine that stays where it does not belong. */
const TELL_EVERY = minutes(1);
/** Who has not shown up for so long is not here any more. */
const GONE_AFTER = minutes(10);
/** A machine asks once a minute; more of them than this are told of in turn. */
const MOST = 1_000;

/** Machines that were admitted elsewhere and show up here (rule 14). */
export class Arrivals {
  readonly #options: ArrivalsOptions;
  /** By host, the one that was longest not seen first. */
  readonly #arrived = new Map<string, Arrived & { readonly toldAt: number; readonly shownAt: number }>();

  constructor(options: ArrivalsOptions) {
    this.#options = options;
  }

  /** What the machine is told; the hub is told of one that is misplaced, durably. */
  async take(request: ArrivalRequest): Promise<Welcome> {
    const { store, credentials, replicaOf } = this.#options;
    const { hostId, proof } = request;
    const of = await replicaOf();
    if (!of) return { is: "misplaced", isNew: false };
    const host = await store.read((view) => view.get(Host, of.tenant, hostId));
    if (host?.owner === of.site && host.fields.siteId === of.site) {
      const hash = credentials.hashOf(hostId);
      if (hash === undefined || !isProof(proof, arrivalProof(hash, { hostId, siteId: of.site }))) {
        return { is: "wrong-secret" };
      }
      this.#arrived.delete(hostId);
      return { is: "welcome", hash };
    }
    return { is: "misplaced", isNew: await this.#misplaced(request) };
  }

  /** Those that have shown up lately, by host. */
  list(): readonly Arrived[] {
    this.#forgetGone();
    return [...this.#arrived.values()]
      .map(({ toldAt: _told, shownAt: _shown, ...arrived }) => arrived)
      .toSorted((one, other) => (one.hostId < other.hostId ? -1 : 1));
  }

  async #misplaced({ hostId, proof, machine, serialNumber, uuid }: ArrivalRequest): Promise<boolean> {
    const { store, outbox, clock } = this.#options;
    this.#forgetGone();
    const before = this.#arrived.get(hostId);
    const [now, at] = [clock.now(), clock.monotonic()];
    const tells = before === undefined || at - before.toldAt >= TELL_EVERY;
    const said = { ...(serialNumber === undefined ? {} : { serialNumber }), ...(uuid === undefined ? {} : { uuid }) };
    // Marked before it is stored: requests that come meanwhile are not told of once more.
    const seen = { hostId, machine, serialNumber, uuid, since: before?.since ?? now, seenAt: now, shownAt: at };
    this.#arrived.delete(hostId);
    this.#arrived.set(hostId, { ...seen, toldAt: tells ? at : before.toldAt });
    if (!tells) return false;
    const entry = { type: "arrival" as const, hostId, machine, proof, ...said, at: now };
    await store.write((transaction) => outbox.add(transaction, entry));
    return before === undefined;
  }

  #forgetGone(): void {
    const gone = this.#options.clock.monotonic() - GONE_AFTER;
    for (const [host, { shownAt }] of this.#arrived) {
      if (shownAt > gone && this.#arrived.size < MOST) return;
      this.#arrived.delete(host);
    }
  }
}
