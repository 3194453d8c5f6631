import { type Call, type CallResult, decode, encode, MESSAGE_LIMITS } from "@holdfast/protocol/messages";
import { UP } from "@holdfast/protocol/topics";
import { type Clock, type Log, messageOf } from "@holdfast/runtime";
import type { Link } from "./link.ts";

/** Nothing was begun, and nothing will be. Its message is a sentence for a person. */
export class Refused extends Error {}

/** An answer, and what is done once the site has it. */
export class Afterwards {
  readonly answer: unknown;
  readonly work: () => Promise<void>;

  constructor(answer: unknown, work: () => Promise<void>) {
    this.answer = answer;
    this.work = work;
  }
}

/** Answers with what becomes JSON, or with Afterwards; throws a sentence for a person, as Refused when nothing was begun. */
export type Operation = (
  parameters: Readonly<Record<string, unknown>>,
  /** The site's signature, where there is one: what does something to the machine goes by what is signed alone. */
  order?: string,
) => Promise<unknown> | unknown;

export interface CallsOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly operations: Readonly<Record<string, Operation>>;
  readonly link: () => Link | undefined;
}

/** Short calls from the site. They only look, or take care themselves that doing it twice does no harm. */
export interface Calls {
  /**
   * A request on `req/{request}/{operation}`; the answer goes to `res/{request}`, once, if the link still holds, and a second
   * time when what was to be done after it failed.
   */
  receive(request: string, operation: string, payload: Uint8Array): Promise<void>;
}

/** 2025-01-01: a clock before it was never set, as on a machine without a battery, and proves nothing. */
export const CLOCK_UNSET_BEFORE = 1_735_689_600_000;
const REQUEST_ID = /^[A-Za-z0-9_.-]{1,64}$/;

/**
 * Answers calls. One past its `notAfter` by this machine's clock is refused, with both times in the sentence; but a clock
 * that was plainly never set is not asked, so that a machine without a battery can still be looked at and switched. What is
 * to happen once is guarded by its id, not by the clock.
 */
export function createCalls({ clock, log, operations, link }: CallsOptions): Calls {
  async function perform(operation: string, payload: Uint8Array): Promise<unknown> {
    const call = decode("Call", payload);
    const perform = Object.hasOwn(operations, operation) ? operations[operation] : undefined;
    if (perform === undefined) {
      throw new Refused(`this agent knows no ${operation}; it knows ${Object.keys(operations).join(", ")}`);
    }
    refuseExpired(call, clock.now());
    return await perform(parametersOf(call), call.order);
  }

  async function answer(request: string, operation: string, result: CallResult): Promise<boolean> {
    const through = link();
    if (through === undefined) return false;
    return through.publish(UP.result(request), encode("CallResult", result), { qos: 1 }).then(
      () => true,
      (error) => {
        log.debug({ request, operation, error: messageOf(error) }, "the answer found no way back");
        return false;
      },
    );
  }

  return {
    receive: async (request, operation, payload) => {
      if (!REQUEST_ID.test(request)) return;
      const asked = perform(operation, payload);
      const { result, work } = await asked.then(outcomeOf, (error): Outcome => ({ result: failed(error) }));
      const isAnswered = await answer(request, operation, result);
      if (!work || !isAnswered) return;
      await work().catch((error) => {
        log.error({ operation, error: messageOf(error) }, "what the site asked for could not be done");
        return answer(request, operation, failed(error));
      });
    },
  };
}

interface Outcome {
  readonly result: CallResult;
  readonly work?: () => Promise<void>;
}

function outcomeOf(value: unknown): Outcome {
  if (!(value instanceof Afterwards)) return { result: succeeded(value) };
  return { result: succeeded(value.answer), work: value.work };
}

function succeeded(value: unknown): CallResult {
  const text = JSON.stringify(value ?? null);
  if (text.length <= MESSAGE_LIMITS.stringLength) return { ok: true, value: text, refused: false };
  return {
    ok: false,
    error: `the answer has ${text.length} characters, ${MESSAGE_LIMITS.stringLength} can be sent`,
    refused: false,
  };
}

function failed(error: unknown): CallResult {
  return { ok: false, error: messageOf(error).slice(0, 1_000), refused: error instanceof Refused };
}

function refuseExpired({ notAfter }: Call, now: number): void {
  if (now <= notAfter || now < CLOCK_UNSET_BEFORE) return;
  const text = (time: number) => new Date(Math.min(time, 8.64e15)).toISOString();
  throw new Refused(`expired: not to be answered after ${text(notAfter)}, and this machine's clock says ${text(now)}`);
}

export function parametersOf({ arguments: text }: Pick<Call, "arguments">): Record<string, unknown> {
  if (text === undefined || text === "") return {};
  const parsed: unknown = JSON.parse(text);
  if (parsed === null || typeof parsed !== "object" || Array.isArray(parsed)) {
    throw new Refused("the arguments are not a JSON object");
  }
  return { ...parsed };
}
