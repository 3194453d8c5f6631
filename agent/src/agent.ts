import type { HardwareReport } from "@holdfast/protocol/messages";
import { type Closable, Fault } from "@holdfast/runtime";
import type { AgentConfig } from "./config.ts";
import { holdDirectory } from "./hold.ts";
import { type AgentState, type Running, run, type Surroundings } from "./running.ts";

export type { AgentState, Surroundings } from "./running.ts";

/** The agent of one machine. Several live in one process as long as each has a state directory of its own. */
export interface Agent {
  /** Opens the state and begins; does not wait for the site, which may be away. Throws when the state cannot be used, or is another's. */
  start(): Promise<void>;
  /** Reads the hardware now and sends the report, changed or not. */
  rescan(): Promise<HardwareReport>;
  readonly status: AgentState;
  /** Says goodbye to the site and stops. May be started again. */
  close(): Promise<void>;
  /** Stops as when power is cut: the site hears of it through the will. May be started again. */
  cut(): Promise<void>;
}

const IDLE: AgentState = {
  hostId: undefined,
  session: undefined,
  reportHash: "",
  unsent: { bytes: 0, messages: 0 },
  healthy: false,
};

/** An agent that has not started. Whatever it needs of the world outside is in its arguments. */
export function createAgent(config: AgentConfig, surroundings: Surroundings): Agent {
  let running: Running | undefined;
  let held: Promise<Closable> | undefined;

  async function start(): Promise<void> {
    if (held !== undefined) throw new Fault("FailedPrecondition", "this agent has been started already");
    held = holdDirectory(config.stateDir, surroundings.log);
    try {
      await held;
      running = run(config, surroundings);
    } catch (error) {
      await release();
      throw error;
    }
  }

  async function release(): Promise<void> {
    const holding = held;
    await holding?.then((hold) => hold.close()).catch(() => undefined);
    if (held === holding) held = undefined;
  }

  async function stop(manner: "close" | "cut"): Promise<void> {
    // One that is only just starting has something to stop in a moment.
    await held?.catch(() => undefined);
    const stopping = running;
    running = undefined;
    await stopping?.stop(manner);
    await release();
  }

  return {
    start,
    rescan: async () => {
      if (!running) throw new Fault("FailedPrecondition", "this agent is not running");
      return running.rescan();
    },
    get status() {
      return running?.status() ?? IDLE;
    },
    close: () => stop("close"),
    cut: () => stop("cut"),
  };
}
