import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { CALL, type PowerCall } from "@holdfast/protocol/topics";
import { type Log, minutes } from "@holdfast/runtime";
import { Type } from "typebox";
import { Value } from "typebox/value";
import { Afterwards, type Operation, Refused } from "./calls.ts";
import { readDocument, writeDocument } from "./durable-file.ts";

/** Switches this machine. Rejects with a sentence when that could not even be begun. */
export type SwitchMachine = (order: Pick<PowerCall, "action" | "manner">) => Promise<void>;

export interface PowerOptions {
  readonly log: Log;
  readonly stateDir: string;
  /** Undefined where the machine may not be switched: every order is refused then. */
  readonly switchMachine: SwitchMachine | undefined;
}

/** What switches the machine, or refuses; and whether an order was begun with. */
export type PowerOperation = Operation & { readonly hasCarriedOut: (id: string) => boolean };

const Order = Type.Object({
  id: Type.String({ minLength: 1, maxLength: 128 }),
  action: Type.Union([Type.Literal("off"), Type.Literal("reset")]),
  manner: Type.Union([Type.Literal("orderly"), Type.Literal("at-once")]),
});
const Journal = Type.Object({ carriedOut: Type.Array(Type.String()) });

/** A site never repeats an order of its own accord, and a message that comes twice comes soon. */
const REMEMBERED = 1_000;

/**
 * Opens the journal of orders (rule 19). An order's id is durable before it is answered, and it is carried out after it is
 * answered; so one that comes again, also after the boot that came of it, is answered and does nothing. An order whose
 * answer finds no way back is not carried out: the site would not know of it.
 */
export function createPower({ log, stateDir, switchMachine }: PowerOptions): PowerOperation {
  const file = join(stateDir, "power.json");
  const carriedOut = readDocument(file, Journal, log)?.carriedOut ?? [];

  const operation: Operation = (parameters) => {
    if (switchMachine === undefined) {
      throw new Refused("this agent may not switch its machine; it may when it is started with --allow-power");
    }
    if (!Value.Check(Order, parameters)) {
      const [first] = Value.Errors(Order, parameters);
      throw new Refused(`${CALL.power}: ${first?.instancePath.slice(1) || "the order"} is missing or unknown`);
    }
    const { id, action, manner } = parameters;
    if (carriedOut.includes(id)) return { id, repeated: true };
    const kept = [...carriedOut, id].slice(-REMEMBERED);
    writeDocument(file, { carriedOut: kept });
    carriedOut.splice(0, carriedOut.length, ...kept);
    log.warn({ order: id, action, manner }, "the site switches this machine");
    return new Afterwards({ id, repeated: false }, () => switchMachine({ action, manner }));
  };
  return Object.assign(operation, { hasCarriedOut: (id: string) => carriedOut.includes(id) });
}

const PROGRAM_ENDS_WITHIN = minutes(1);

type Command = (file: string, list: readonly string[]) => Promise<unknown>;

const execute: Command = (file, list) => promisify(execFile)(file, [...list], { timeout: PROGRAM_ENDS_WITHIN });

/** Through systemd. `at-once` does not ask programs that would rather not be interrupted; both unmount what is mounted. */
export function systemdPower(command: Command = execute): SwitchMachine {
  return async ({ action, manner }) => {
    const verb = action === "off" ? "poweroff" : "reboot";
    await command("systemctl", manner === "at-once" ? [verb, "-i"] : [verb]);
  };
}
