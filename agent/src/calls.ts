import { type Call, type CallResult, decode, encode, MESSAGE_LIMITS } from "@holdfast/protocol/messages";
import { UP } from "@holdfast/protocol/topics";
import { type Clock, type Log, messageOf } from "@holdfast/runtime";
import type { Link } from "./link.ts";

/** Answers with what becomes JSON; throws a sentence for a person. */
export type Operation = (parameters: Readonly<Record<string, unknown>>) => Promise<unknown> | unknown;

export interface CallsOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly operations: Readonly<Record<string, Operation>>;
  readonly link: () => Link | undefined;
}

/** Short calls from the site. All of them only look, so that answering one twice does no harm. */
export interface Calls {
  /** A request on `req/{request}/{operation}`; the answer goes to `res/{request}`, once, if the link still holds. */
  receive(request: string, operation: string, payload: Uint8Array): Promise<void>;
}

/** 2025-01-01: a clock before it was never set, as on a machine without a battery, and proves nothing. */
const CLOCK_UNSET_BEFORE = 1_735_689_600_000;
const REQUEST_ID = /^[A-Za-z0-9_.-]{1,64}$/;

/**
 * Answers calls. One past its `notAfter` by this machine's clock is refused, with both times in the sentence; but a clock
 * that was plainly never set is not asked.
 */
export function createCalls({ clock, log, operations, link }: CallsOptions): Calls {
  async function perform(operation: string, payload: Uint8Array): Promise<unknown> {
    const call = decode("Call", payload);
    const perform = Object.hasOwn(operations, operation) ? operations[operation] : undefined;
    if (perform === undefined) {
      throw new Error(`this agent knows no ${operation}; it knows ${Object.keys(operations).join(", ")}`);
    }
    refuseExpired(call, clock.now());
    return await perform(parametersOf(call));
  }

  return {
    receive: async (request, operation, payload) => {
      if (!REQUEST_ID.test(request)) return;
      const result = await perform(operation, payload).then(succeeded, failed);
      const encoded = encode("CallResult", result);
      await link()
        ?.publish(UP.result(request), encoded, { qos: 1 })
        .catch((error) => log.debug({ request, operation, error: messageOf(error) }, "the answer found no way back"));
    },
  };
}

function succeeded(value: unknown): CallResult {
  const text = JSON.stringify(value ?? null);
  if (text.length <= MESSAGE_LIMITS.stringLength) return { ok: true, value: text };
  return { ok: false, error: `the answer has ${text.length} characters, ${MESSAGE_LIMITS.stringLength} can be sent` };
}

function failed(error: unknown): CallResult {
  return { ok: false, error: messageOf(error).slice(0, 1_000) };
}

function refuseExpired({ notAfter }: Call, now: number): void {
  if (now <= notAfter || now < CLOCK_UNSET_BEFORE) return;
  const text = (time: number) => new Date(Math.min(time, 8.64e15)).toISOString();
  throw new Error(`expired: not to be answered after ${text(notAfter)}, and this machine's clock says ${text(now)}`);
}

function parametersOf({ arguments: text }: Call): Record<string, unknown> {
  if (text === undefined || text === "") return {};
  const parsed: unknown = JSON.parse(text);
  if (parsed === null || typeof parsed !== "object" || Array.isArray(parsed)) {
    throw new Error("the arguments are not a JSON object");
  }
  return { ...parsed };
}
