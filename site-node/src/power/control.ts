import type { CommandName } from "@holdfast/protocol/feed";

/** An order to a machine. Its id is that of no other; a machine that has carried it out does not do so again. */
export interface Order {
  readonly id: string;
  /** Milliseconds since the epoch. */
  readonly notAfter: number;
  /** `orderly` respects programs that asked not to be interrupted; `at-once` does not wait for them. */
  readonly manner: "orderly" | "at-once";
}

/**
 * What came of an order. `refused`: nothing was begun; `failed`: it did not succeed, whatever was begun; `unknown`: nobody
 * said, so it may have been done. A reason beside `done` says what was done instead.
 */
export type Ordered =
  | { readonly is: "done"; readonly reason?: string }
  | { readonly is: "refused" | "failed" | "unknown"; readonly reason: string };

/** What carries out commands and switches machines. Rejects only when the signal is aborted. */
export interface MachineControl {
  perform(host: string, command: CommandName, order: Order, signal: AbortSignal): Promise<Ordered>;
  setPower(
    host: string,
    state: "POWER_STATE_ON" | "POWER_STATE_OFF",
    order: Order,
    signal: AbortSignal,
  ): Promise<Ordered>;
}
