import type { Store, Transaction } from "@holdfast/inventory";
import { type Clock, type Log, messageOf, seconds } from "@holdfast/runtime";
import { readSetting, writeSetting } from "../database/settings.ts";
import { siteTables } from "../database/tables.ts";
import type { Outbox } from "../outbox/outbox.ts";
import type { ReplicaOf } from "../replica/materialise.ts";
import { graceAfter, type Liveness, type LivenessEvent, step } from "./liveness.ts";
import { observe } from "./observe.ts";
import { NO_CONNECTION, NOT_CONNECTED, RUNNING, type Status } from "./statuses.ts";

/** How exactly a deadline is kept. */
const LOOK_EVERY = seconds(1);
/** How exactly a restarted site-node knows how long it was away. */
const NOTE_EVERY = seconds(60);

export interface PresenceOptions {
  readonly store: Store;
  readonly outbox: Outbox;
  readonly replicaOf: () => Promise<ReplicaOf | undefined>;
  readonly clock: Clock;
  readonly log: Log;
}

/** Which agents are there. A change of phase is durable with what it makes the host show; heartbeats are not written. */
export class Presence {
  readonly #options: PresenceOptions;
  readonly #states = new Map<string, Liveness>();
  readonly #turns = new Map<string, Promise<void>>();
  readonly #stopped = new AbortController();
  #running: Promise<void> | undefined;
  /** When it is looked next, milliseconds of the monotonic clock. */
  #looksAt = 0;
  #sooner = new AbortController();

  constructor(options: PresenceOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    const { store, clock } = this.#options;
    const { rows, noted } = await store.read(async (view) => ({
      rows: await siteTables(view).selectFrom("host_link").select(["host", "liveness"]).execute(),
      noted: await readSetting(view, "alive"),
    }));
    const grace = graceAfter(noted === undefined ? 0 : clock.now() - noted);
    for (const { host, liveness } of rows) {
      const stored = JSON.parse(liveness) as Liveness;
      this.#states.set(host, step(stored, { type: "restarted", at: clock.monotonic(), grace }) ?? stored);
    }
    this.#running = this.#run();
  }

  stateOf(host: string): Liveness {
    return this.#states.get(host) ?? { phase: "unheard" };
  }

  phaseOf(host: string): Liveness["phase"] {
    return this.stateOf(host).phase;
  }

  /** Resolves when what the event changed is durable. Events of one host are taken one after the other. */
  heard(host: string, event: LivenessEvent): Promise<void> {
    const turn = (this.#turns.get(host) ?? Promise.resolve())
      .catch(() => undefined)
      .then(() => this.#take(host, event));
    this.#turns.set(host, turn);
    return turn.finally(() => {
      if (this.#turns.get(host) === turn) this.#turns.delete(host);
    });
  }

  async #take(host: string, event: LivenessEvent): Promise<void> {
    const before = this.stateOf(host);
    const next = step(before, event);
    if (!next) return;
    this.#expect(next);
    if (next.phase === "online" && before.phase === "online" && next.session === before.session) {
      this.#states.set(host, next);
      return;
    }
    // Stored first: a message is acknowledged only when what it changed is durable.
    await this.#store(host, next);
    this.#states.set(host, next);
    this.#options.log.info({ host, phase: next.phase, before: before.phase }, "host presence changed");
  }

  /** After what was heard of the host so far has been taken. */
  async forget(host: string): Promise<void> {
    await this.#turns.get(host)?.catch(() => undefined);
    this.#states.delete(host);
  }

  async close(): Promise<void> {
    this.#stopped.abort(new Error("stopped"));
    await this.#running;
    await this.#note();
  }

  async #store(host: string, next: Liveness): Promise<void> {
    const { store, outbox, replicaOf, clock } = this.#options;
    const of = await replicaOf();
    await store.write(async (transaction) => {
      await storeLiveness(transaction, host, next);
      const status = statusOf(next);
      if (!of || !status) return;
      const seen = { statuses: { hostStatus: status } };
      await observe(transaction, { outbox, of, now: clock.now() }, { id: host, seen });
    });
  }

  /** Wakes the watch when something is due before it would look. */
  #expect(next: Liveness): void {
    if (deadlineOf(next) < this.#looksAt) this.#sooner.abort();
  }

  async #run(): Promise<void> {
    const { clock, log } = this.#options;
    let noted = Number.NEGATIVE_INFINITY;
    while (!this.#stopped.signal.aborted) {
      this.#sooner = new AbortController();
      try {
        const at = clock.monotonic();
        for (const host of [...this.#states.keys()]) await this.heard(host, { type: "tick", at });
        if (at - noted >= NOTE_EVERY) {
          await this.#note();
          noted = at;
        }
      } catch (error) {
        log.error({ error: messageOf(error) }, "looking after deadlines failed, will look again");
      }
      await this.#pause(noted + NOTE_EVERY);
    }
  }

  /** Until the next deadline, or until then at the latest. */
  async #pause(latest: number): Promise<void> {
    const { clock } = this.#options;
    const due = Math.min(latest, ...[...this.#states.values()].map(deadlineOf));
    const pause = Math.max(LOOK_EVERY, due - clock.monotonic());
    this.#looksAt = clock.monotonic() + pause;
    const signal = AbortSignal.any([this.#stopped.signal, this.#sooner.signal]);
    await clock.sleep(pause, signal).catch(() => undefined);
  }

  async #note(): Promise<void> {
    const { store, clock } = this.#options;
    await store.write((transaction) => writeSetting(transaction, "alive", clock.now()));
  }
}

function deadlineOf(liveness: Liveness): number {
  return "deadline" in liveness ? liveness.deadline : Number.POSITIVE_INFINITY;
}

/** What a host's agent being there or not makes the host show; undefined while it was never heard. */
export function statusOf({ phase }: Liveness): Status | undefined {
  switch (phase) {
    case "unheard":
      return undefined;
    case "online":
    case "leaving":
      return RUNNING;
    case "offline":
      return NOT_CONNECTED;
    case "lost":
      return NO_CONNECTION;
  }
}

async function storeLiveness(transaction: Transaction, host: string, liveness: Liveness): Promise<void> {
  const text = JSON.stringify(liveness);
  const served = liveness.phase === "online" ? { refusal: null } : {};
  await siteTables(transaction)
    .insertInto("host_link")
    .values({ host, liveness: text, report_hash: null, mismatch: null, refusal: null })
    .onConflict((conflict) => conflict.column("host").doUpdateSet({ liveness: text, ...served }))
    .execute();
}
