import type { CommandName } from "@holdfast/protocol/feed";
import { CALL, type PowerCall } from "@holdfast/protocol/topics";
import { seconds } from "@holdfast/runtime";
import type { AgentCalls, CallRequest } from "../hosts/agent-calls.ts";
import type { MachineControl, Order, Ordered } from "./control.ts";

/** How soon an agent knows that it could not switch the machine after all. */
const DOUBT_FOR = seconds(3);

/**
 * Control through a machine's own agent. It reaches a machine that runs and nothing else: it cannot switch one on, and a power
 * cycle is a reset, for the power stays on.
 */
export function inBandControl(calls: Pick<AgentCalls, "call">): MachineControl {
  async function ask(host: string, request: CallRequest, signal: AbortSignal): Promise<Ordered> {
    const answer = await calls.call(host, request, signal);
    if (answer.is === "ok") return { is: "done" };
    if (answer.is === "unanswered") return { is: "unknown", reason: "its agent gave no answer" };
    return { is: answer.is, reason: answer.reason };
  }

  function power(host: string, action: PowerCall["action"], order: Order, signal: AbortSignal): Promise<Ordered> {
    const { id, notAfter, manner } = order;
    const request = { operation: CALL.power, arguments: { id, action, manner } satisfies PowerCall, notAfter };
    return ask(host, { ...request, doubtFor: DOUBT_FOR, orderId: id }, signal);
  }

  return {
    perform: async (host, command, order, signal) => {
      const operation = OPERATIONS[command];
      if (operation !== CALL.power) return ask(host, { operation, notAfter: order.notAfter }, signal);
      const ordered = await power(host, "reset", order, signal);
      const isReset = command === "power-cycle" && ordered.is === "done";
      return isReset ? { is: "done", reason: "reset by its agent: the power itself stayed on" } : ordered;
    },
    setPower: async (host, state, order, signal) => {
      if (state === "POWER_STATE_OFF") return power(host, "off", order, signal);
      return { is: "refused", reason: "a machine that is off has no agent that could switch it on" };
    },
  };
}

const OPERATIONS = {
  identify: CALL.identify,
  rescan: CALL.rescan,
  reset: CALL.power,
  "power-cycle": CALL.power,
} as const satisfies Record<CommandName, string>;
