import type { Store, Transaction } from "@holdfast/inventory";
import { type DocumentVersion, decode, encode, MalformedMessage } from "@holdfast/protocol/messages";
import { type AgentUpdate, DOWN, hostTopic, type UpMessage } from "@holdfast/protocol/topics";
import { type Clock, Fault, type Log, messageOf, minutes, seconds } from "@holdfast/runtime";
import type { Broker } from "../broker/broker.ts";
import type { UpHandler } from "../broker/inbound.ts";
import { count } from "../database/counters.ts";
import { siteTables } from "../database/tables.ts";
import type { Intents } from "../intents/intents.ts";
import type { Outbox } from "../outbox/outbox.ts";
import type { ReplicaOf } from "../replica/materialise.ts";
import type { AgentCalls } from "./agent-calls.ts";
import { judgeAgent, readStatus, readUpdate } from "./agent-status.ts";
import type { Credentials } from "./credentials.ts";
import { noteReached } from "./desired.ts";
import type { Presence } from "./presence.ts";
import { noteRefusal } from "./refusal.ts";
import { takeReport } from "./report.ts";

export interface SaidOptions {
  readonly store: Store;
  readonly outbox: Outbox;
  readonly intents: Intents;
  readonly presence: Presence;
  readonly credentials: Pick<Credentials, "has">;
  readonly calls: Pick<AgentCalls, "answered">;
  readonly broker: () => Pick<Broker, "publish" | "disconnect">;
  readonly replicaOf: () => Promise<ReplicaOf | undefined>;
  readonly clock: Clock;
  readonly log: Log;
  /** The protocol that this site speaks to agents. */
  readonly protocolVersion?: number | undefined;
}

/** How often one host's malformed messages make an event. */
const COMPLAIN_EVERY = minutes(1);
/** How soon a host is asked for its hardware again; twice as long each time that its answer did not help. */
const ASK_AFTER = { first: minutes(1), most: minutes(60) };
const MAX_ERROR_LENGTH = 1_000;

/**
 * What hosts say, taken in. Each message is durable when its promise resolves; what cannot be read is set aside. Telemetry
 * and job statuses are counted and not kept: nothing here has asked for them yet.
 */
export class Said {
  readonly #options: SaidOptions;
  readonly #asked = new Map<string, { readonly times: number; readonly again: number }>();
  /** Sessions of agents that this site cannot serve. */
  readonly #refused = new Map<string, string>();
  readonly #notKept = new Map<UpMessage["is"], number>();
  readonly #complainedAt = new Map<string, number>();
  /** The version of the document that each host's heartbeats were last taken to confirm. */
  readonly #appliedBy = new Map<string, string>();
  /** What each host last said of its agent's update. */
  readonly #updates = new Map<string, string>();

  constructor(options: SaidOptions) {
    this.#options = options;
  }

  /** How many messages of each sort have come since the start and were not kept. */
  get notKept(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#notKept);
  }

  readonly take: UpHandler = async (from, message, payload) => {
    // An empty retained message is how one is taken back; nothing is said by it.
    if (payload.length === 0) return;
    // The last words of a host that was put out, its will among them, must not bring it back to life.
    if (!this.#options.credentials.has(from)) return;
    // Of an agent that speaks another protocol, nothing else can be told to mean what it means here.
    if (message.is !== "status" && this.#refused.has(from)) return;
    try {
      if (message.is === "status") await this.#status(from, payload);
      else if (message.is === "hardware") await this.#hardware(from, payload);
      else if (message.is === "heartbeat") await this.#heartbeat(from, payload);
      else if (message.is === "reported") await this.#reported(from, payload);
      else if (message.is === "result") this.#options.calls.answered(from, message.request, payload);
      else this.#notKept.set(message.is, (this.#notKept.get(message.is) ?? 0) + 1);
    } catch (error) {
      if (!(error instanceof MalformedMessage)) throw error;
      await this.#malformed(from, message.is, error.message);
    }
  };

  async #status(from: string, payload: Buffer): Promise<void> {
    const status = readStatus(payload);
    const { state, session } = status;
    if (state === "online") {
      const hands = judgeAgent(status, this.#options.protocolVersion);
      if (!hands.accepted) return this.#refuse(from, session, hands.reason);
      this.#refused.delete(from);
      await this.#updated(from, readUpdate(status));
    } else if (this.#refused.get(from) === session) return;
    const at = this.#options.clock.monotonic();
    const type = state === "online" ? "online" : state === "offline" ? "goodbye" : "will";
    await this.#options.presence.heard(from, { type, session, at });
  }

  /** An agent says at each connection how its update stands; the hub is told when that is another thing than before. */
  async #updated(from: string, update: AgentUpdate | undefined): Promise<void> {
    const said = JSON.stringify(update);
    if (update === undefined || this.#updates.get(from) === said) return;
    this.#updates.set(from, said);
    const { store, outbox, log } = this.#options;
    log.info({ host: from, ...update }, "an agent updates itself");
    const detail = { ...update };
    await store.write((transaction) =>
      outbox.event(transaction, { kind: "host", subject: from, event: "agent-update", detail }),
    );
  }

  /** Rule 23: an agent that cannot be served is told so by its connection's end, and people by its host's status. */
  async #refuse(from: string, session: string, reason: string): Promise<void> {
    const { broker, outbox, clock, log } = this.#options;
    log.warn({ host: from, reason }, "an agent cannot be served");
    this.#refused.set(from, session);
    await this.#write((transaction, of) => noteRefusal(transaction, { outbox, of, now: clock.now() }, from, reason));
    // Not waited for: the connection ends when this message is done.
    broker()
      .disconnect(from, reason)
      .catch((error) => log.warn({ host: from, error: messageOf(error) }, "an agent was not disconnected"));
  }

  async #hardware(from: string, payload: Buffer): Promise<void> {
    const report = decode("HardwareReport", payload);
    const { outbox, intents, clock } = this.#options;
    const aside = await this.#write((transaction, of) => {
      const context = { outbox, intents, of, now: clock.now() };
      return takeReport(transaction, context, { id: from, report });
    });
    if (aside !== undefined) throw new MalformedMessage(`HardwareReport: ${aside}`);
  }

  async #heartbeat(from: string, payload: Buffer): Promise<void> {
    const { session, reportHash, applied } = decode("Heartbeat", payload);
    const { store, clock } = this.#options;
    const at = clock.monotonic();
    await this.#options.presence.heard(from, { type: "heartbeat", session, at });
    await this.#applied(from, applied);
    if (reportHash === "" || at < (this.#asked.get(from)?.again ?? Number.NEGATIVE_INFINITY)) return;
    const link = await store.read((view) =>
      siteTables(view).selectFrom("host_link").select("report_hash").where("host", "=", from).executeTakeFirst(),
    );
    if (link?.report_hash === reportHash) this.#asked.delete(from);
    else await this.#askForHardware(from, at);
  }

  async #askForHardware(host: string, at: number): Promise<void> {
    const { broker, clock, replicaOf } = this.#options;
    const of = await replicaOf();
    if (!of) return;
    const times = this.#asked.get(host)?.times ?? 0;
    this.#asked.set(host, { times: times + 1, again: at + Math.min(ASK_AFTER.first * 2 ** times, ASK_AFTER.most) });
    const topic = hostTopic(of.site, host, DOWN.request(crypto.randomUUID(), "rescan"));
    const call = encode("Call", { notAfter: clock.now() + seconds(60) });
    await broker().publish(topic, call, { qos: 1 });
  }

  async #reported(from: string, payload: Buffer): Promise<void> {
    const { version, state, error } = decode("Reported", payload);
    // Of a state that this version does not know nothing follows (rule 23).
    if (state === "STATE_UNSPECIFIED") return;
    const failure = (error || "no reason was given").slice(0, MAX_ERROR_LENGTH);
    await this.#reached(from, version, state === "FAILED" ? failure : "");
  }

  /** Heartbeats say again what `reported` said once, so that a word lost on the way is made good. */
  async #applied(from: string, version: DocumentVersion | undefined): Promise<void> {
    if (!version) return;
    const key = `${version.incarnation}.${version.counter}`;
    if (this.#appliedBy.get(from) === key) return;
    if (await this.#reached(from, version, "")) this.#appliedBy.set(from, key);
  }

  /** Returns whether it is the newest document of which a machine said `reached`, the reason why not or nothing. */
  #reached(from: string, version: DocumentVersion | undefined, reached: string): Promise<boolean> {
    const { store, outbox } = this.#options;
    return store.write(async (transaction) => {
      const noted = await noteReached(transaction, { host: from, version, reached });
      if (noted.isNew && reached !== "") {
        const detail = { generation: noted.generation, error: reached };
        await outbox.event(transaction, { kind: "host", subject: from, event: "desired-failed", detail });
      }
      return noted.isNewest;
    });
  }

  async #malformed(from: string, what: string, reason: string): Promise<void> {
    const { store, outbox, log, clock } = this.#options;
    log.warn({ host: from, message: what, reason }, "a host's message was set aside");
    const at = clock.monotonic();
    const isFirst = at - (this.#complainedAt.get(from) ?? Number.NEGATIVE_INFINITY) >= COMPLAIN_EVERY;
    if (isFirst) this.#complainedAt.set(from, at);
    await store.write(async (transaction) => {
      await count(transaction, "messages-malformed");
      if (!isFirst) return;
      const detail = { message: what, reason: reason.slice(0, 500) };
      await outbox.event(transaction, { kind: "host", subject: from, event: "message-malformed", detail });
    });
  }

  async #write<T>(work: (transaction: Transaction, of: ReplicaOf) => Promise<T>): Promise<T> {
    const of = await this.#options.replicaOf();
    if (!of) throw new Fault("Unavailable", "this site has not reached its hub yet");
    return this.#options.store.write((transaction) => work(transaction, of));
  }
}
