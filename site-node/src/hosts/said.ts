import type { Store, Transaction } from "@holdfast/inventory";
import { type DocumentVersion, decode, encode, MalformedMessage } from "@holdfast/protocol/messages";
import { type AgentStatus, DOWN, hostTopic } from "@holdfast/protocol/topics";
import { type Clock, Fault, type Log, minutes, seconds } from "@holdfast/runtime";
import { Type } from "typebox";
import { Compile } from "typebox/compile";
import type { Broker } from "../broker/broker.ts";
import type { UpHandler } from "../broker/inbound.ts";
import { count } from "../database/counters.ts";
import { siteTables } from "../database/tables.ts";
import type { Intents } from "../intents/intents.ts";
import type { Outbox } from "../outbox/outbox.ts";
import type { ReplicaOf } from "../replica/materialise.ts";
import type { Credentials } from "./credentials.ts";
import { observe } from "./observe.ts";
import type { Presence } from "./presence.ts";
import { takeReport } from "./report.ts";

export interface SaidOptions {
  readonly store: Store;
  readonly outbox: Outbox;
  readonly intents: Intents;
  readonly presence: Presence;
  readonly credentials: Pick<Credentials, "has">;
  readonly broker: () => Pick<Broker, "publish">;
  readonly replicaOf: () => Promise<ReplicaOf | undefined>;
  readonly clock: Clock;
  readonly log: Log;
}

/** How often one host is asked for its hardware at most, and how often its malformed messages make an event. */
const ASK_EVERY = minutes(1);

const statusShape = Compile(
  Type.Object({
    state: Type.Union([Type.Literal("online"), Type.Literal("offline"), Type.Literal("lost")]),
    session: Type.String({ minLength: 1, maxLength: 128 }),
  }),
);

/** What hosts say, taken in. Each message is durable when its promise resolves; what cannot be read is set aside. */
export class Said {
  readonly #options: SaidOptions;
  readonly #askedAt = new Map<string, number>();
  readonly #complainedAt = new Map<string, number>();
  /** The version of the document that each host's heartbeats were last taken to confirm. */
  readonly #appliedBy = new Map<string, string>();

  constructor(options: SaidOptions) {
    this.#options = options;
  }

  readonly take: UpHandler = async (from, message, payload) => {
    // An empty retained message is how one is taken back; nothing is said by it.
    if (payload.length === 0) return;
    // The last words of a host that was put out, its will among them, must not bring it back to life.
    if (!this.#options.credentials.has(from)) return;
    try {
      if (message.is === "status") await this.#status(from, payload);
      else if (message.is === "hardware") await this.#hardware(from, payload);
      else if (message.is === "heartbeat") await this.#heartbeat(from, payload);
      else if (message.is === "reported") await this.#reported(from, payload);
      else this.#options.log.trace({ host: from, message: message.is }, "nothing here takes this yet");
    } catch (error) {
      if (!(error instanceof MalformedMessage)) throw error;
      await this.#malformed(from, message.is, error.message);
    }
  };

  async #status(from: string, payload: Buffer): Promise<void> {
    const { state, session } = readStatus(payload);
    const at = this.#options.clock.monotonic();
    const type = state === "online" ? "online" : state === "offline" ? "goodbye" : "will";
    await this.#options.presence.heard(from, { type, session, at });
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
    if (reportHash === "" || at - (this.#askedAt.get(from) ?? Number.NEGATIVE_INFINITY) < ASK_EVERY) return;
    const link = await store.read((view) =>
      siteTables(view).selectFrom("host_link").select("report_hash").where("host", "=", from).executeTakeFirst(),
    );
    if (link?.report_hash !== reportHash) await this.#askForHardware(from, at);
  }

  async #askForHardware(host: string, at: number): Promise<void> {
    const { broker, clock, replicaOf } = this.#options;
    const of = await replicaOf();
    if (!of) return;
    this.#askedAt.set(host, at);
    const topic = hostTopic(of.site, host, DOWN.request(crypto.randomUUID(), "rescan"));
    const call = encode("Call", { notAfter: clock.now() + seconds(60) });
    await broker().publish(topic, call, { qos: 1 });
  }

  async #reported(from: string, payload: Buffer): Promise<void> {
    const { version, state, error } = decode("Reported", payload);
    await this.#reached(from, version, state === "FAILED" ? (error ?? "") : undefined);
  }

  /** Heartbeats say again what `reported` said once, so that a word lost on the way is made good. */
  async #applied(from: string, version: DocumentVersion | undefined): Promise<void> {
    if (!version) return;
    const key = `${version.incarnation}.${version.counter}`;
    if (this.#appliedBy.get(from) === key) return;
    if (await this.#reached(from, version, undefined)) this.#appliedBy.set(from, key);
  }

  /** Notes how far a machine has got. Says no when that is not the newest document: a newer one is on its way to it. */
  #reached(from: string, version: DocumentVersion | undefined, failure: string | undefined): Promise<boolean> {
    const { outbox, clock } = this.#options;
    return this.#write(async (transaction, of) => {
      const document = await siteTables(transaction)
        .selectFrom("desired_document")
        .selectAll()
        .where("host", "=", from)
        .executeTakeFirst();
      if (!document || version?.incarnation !== document.incarnation || version.counter !== document.counter)
        return false;
      const { generation } = JSON.parse(document.content) as { generation: number };
      const seen = { observedGeneration: generation };
      const isNew = await observe(transaction, { outbox, of, now: clock.now() }, { id: from, seen });
      if (isNew && failure !== undefined) {
        const detail = { generation, error: failure };
        await outbox.event(transaction, { kind: "host", subject: from, event: "desired-failed", detail });
      }
      return true;
    });
  }

  async #malformed(from: string, what: string, reason: string): Promise<void> {
    const { store, outbox, log, clock } = this.#options;
    log.warn({ host: from, message: what, reason }, "a host's message was set aside");
    const at = clock.monotonic();
    const isFirst = at - (this.#complainedAt.get(from) ?? Number.NEGATIVE_INFINITY) >= ASK_EVERY;
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

function readStatus(payload: Buffer): Pick<AgentStatus, "state" | "session"> {
  let status: unknown;
  try {
    status = JSON.parse(payload.toString("utf8"));
  } catch (cause) {
    throw new MalformedMessage("status: not JSON", { cause });
  }
  if (!statusShape.Check(status)) throw new MalformedMessage("status: state or session is missing or unknown");
  return status;
}
