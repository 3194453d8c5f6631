import { hostname } from "node:os";
import { MESSAGE_LIMITS } from "@holdfast/protocol/messages";
import { CALL } from "@holdfast/protocol/topics";
import { type Operation, parametersOf, Refused } from "./calls.ts";
import type { Identity } from "./identity.ts";
import type { LogTail } from "./log-tail.ts";
import type { Orders } from "./orders.ts";
import type { PowerOperation } from "./power.ts";
import type { Reporter } from "./report.ts";
import { AGENT_VERSION } from "./version.ts";

export interface OperationsOf {
  readonly identity: Identity;
  readonly reporter: Reporter;
  readonly bootId: string;
  readonly logTail: LogTail | undefined;
  /** Switches the machine, or refuses. */
  readonly power: PowerOperation;
  readonly orders: Orders;
}

/** What is left of an answer for the lines themselves. */
const LOG_CHARACTERS = MESSAGE_LIMITS.stringLength - 64;

/** What a site may ask for. */
export function operationsOf({
  identity,
  reporter,
  bootId,
  logTail,
  power,
  orders,
}: OperationsOf): Record<string, Operation> {
  return {
    [CALL.identify]: () => ({
      hostId: identity.enrolment?.hostId,
      agent: AGENT_VERSION,
      hostname: reporter.latest?.os?.hostname ?? hostname(),
      bootId,
    }),
    [CALL.rescan]: async () => ({ hash: (await reporter.scan("asked")).hash }),
    // As much as one answer holds; `skip` leaves out that many of the latest lines, to page back.
    [CALL.logTail]: ({ skip = 0 }) => {
      if (logTail === undefined) throw new Error("this agent keeps no log of its own");
      if (typeof skip !== "number" || !Number.isInteger(skip) || skip < 0) {
        throw new Error("skip is not a number of lines");
      }
      return logTail.lines({ skip, characters: LOG_CHARACTERS });
    },
    [CALL.power]: async (_unsigned, order) => {
      const taken = await orders.take(order, CALL.power);
      const { id } = taken.order;
      if (taken.is === "taken") return power(parametersOf(taken.order));
      if (power.hasCarriedOut(id)) return { id, repeated: true };
      throw new Refused(`order ${id} was taken before, and nothing was done`);
    },
  };
}
