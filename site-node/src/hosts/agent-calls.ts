import { decode, encode } from "@holdfast/protocol/messages";
import { DOWN, hostTopic } from "@holdfast/protocol/topics";
import { type Clock, seconds } from "@holdfast/runtime";
import type { Broker } from "../broker/broker.ts";
import type { SiteOrders } from "../orders/orders.ts";

/** What came of a call. `refused`: nothing was begun; `failed`: some of it may have been; `unanswered`: nobody knows. */
export type CallAnswer =
  | { readonly is: "ok"; readonly value: string }
  | { readonly is: "refused" | "failed"; readonly reason: string }
  | { readonly is: "unanswered" };

export interface CallRequest {
  readonly operation: string;
  readonly arguments?: object;
  /** Milliseconds since the epoch; past it the agent refuses. */
  readonly notAfter: number;
  /** How long an agent may take back an answer that said yes, milliseconds; not at all when absent. */
  readonly doubtFor?: number;
  /** Id of the order that the call carries, which is signed then. */
  readonly orderId?: string;
}

const ANSWER_WITHIN = seconds(30);

export interface AgentCallsOptions {
  readonly site: string;
  readonly broker: () => Pick<Broker, "publish">;
  readonly clock: Clock;
  /** Signs the orders that calls carry. */
  readonly orders?: Pick<SiteOrders, "sign">;
}

interface Waiting {
  readonly host: string;
  take(answer: CallAnswer): void;
}

/**
 * Short calls to agents and their answers. A call goes to the connection that a host has now and is never kept for a later
 * one: an order that nobody waits for any more must not be found by a machine that comes back.
 */
export class AgentCalls {
  readonly #site: string;
  readonly #broker: () => Pick<Broker, "publish">;
  readonly #clock: Clock;
  readonly #orders: Pick<SiteOrders, "sign"> | undefined;
  readonly #waiting = new Map<string, Waiting>();

  constructor({ site, broker, clock, orders }: AgentCallsOptions) {
    this.#site = site;
    this.#broker = broker;
    this.#clock = clock;
    this.#orders = orders;
  }

  /** Rejects only when the signal is aborted; what was sent may be done all the same. */
  async call(host: string, request: CallRequest, signal: AbortSignal): Promise<CallAnswer> {
    const id = crypto.randomUUID();
    const answers = new Answers();
    this.#waiting.set(id, { host, take: (answer) => answers.put(answer) });
    try {
      const text = request.arguments === undefined ? {} : { arguments: JSON.stringify(request.arguments) };
      const payload = encode("Call", { ...text, notAfter: request.notAfter, ...(await this.#signed(host, request)) });
      const topic = hostTopic(this.#site, host, DOWN.request(id, request.operation));
      await this.#broker().publish(topic, payload, { qos: 0 });
      const first = await this.#next(answers, ANSWER_WITHIN, signal);
      if (first?.is !== "ok" || request.doubtFor === undefined) return first ?? { is: "unanswered" };
      return (await this.#next(answers, request.doubtFor, signal)) ?? first;
    } finally {
      this.#waiting.delete(id);
    }
  }

  async #signed(host: string, request: CallRequest): Promise<{ order?: string }> {
    const { orderId: id, operation: type, notAfter } = request;
    if (id === undefined || this.#orders === undefined) return {};
    return {
      order: await this.#orders.sign({ host, id, type, notAfter, arguments: JSON.stringify(request.arguments ?? {}) }),
    };
  }

  /** An answer on `res/{request}`. Of another host, or to a call that nobody waits for, it is nothing. Throws MalformedMessage. */
  answered(host: string, request: string, payload: Uint8Array): void {
    const { ok, value = "null", error = "no reason was given", refused } = decode("CallResult", payload);
    const waiting = this.#waiting.get(request);
    if (waiting?.host !== host) return;
    waiting.take(ok ? { is: "ok", value } : { is: refused ? "refused" : "failed", reason: error });
  }

  async #next(answers: Answers, within: number, signal: AbortSignal): Promise<CallAnswer | undefined> {
    const done = new AbortController();
    const tooLate = this.#clock.sleep(within, AbortSignal.any([signal, done.signal])).then(() => undefined);
    try {
      return await Promise.race([answers.next(), tooLate]);
    } finally {
      done.abort(new Error("over"));
      tooLate.catch(() => undefined);
    }
  }
}

/** Answers in the order in which they came. */
class Answers {
  readonly #come: CallAnswer[] = [];
  #wake: (() => void) | undefined;

  put(answer: CallAnswer): void {
    // More than two mean nothing, whoever sends them.
    if (this.#come.length < 2) this.#come.push(answer);
    this.#wake?.();
  }

  async next(): Promise<CallAnswer> {
    for (;;) {
      const answer = this.#come.shift();
      if (answer) return answer;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
