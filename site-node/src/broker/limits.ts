import { minutes, seconds } from "@holdfast/runtime";
import type { PersistenceLimits } from "./persistence.ts";

/** What the broker bears, from all and from each. Bytes and milliseconds. */
export interface BrokerLimits extends PersistenceLimits {
  /** A whole packet; a longer one ends its connection when it is announced. */
  readonly packetBytes: number;
  /** The first packet, which comes from whoever. */
  readonly connectBytes: number;
  readonly connections: number;
  readonly connectionsPerAddress: number;
  /** From the connection to its CONNECT. */
  readonly connectTimeout: number;
  /** How long a connection may stay unwritable. */
  readonly drainTimeout: number;
  /** What may wait to be written to one connection; beyond it the connection ends at once. */
  readonly unsentBytes: number;
  /** The longest keepalive a client may ask for; none is refused. */
  readonly keepalive: number;
  /** Publications of one host being handled; beyond them its connection is not read. */
  readonly unhandledMessages: number;
  /** Wills of a former process are published after four of these, for hosts that have not come back. */
  readonly heartbeatInterval: number;
  /** How long closing waits for the last messages to be written. */
  readonly farewell: number;
}

const KIB = 1024;
const MIB = 1024 * KIB;

export const DEFAULT_LIMITS: BrokerLimits = {
  packetBytes: 256 * KIB,
  connectBytes: 16 * KIB,
  connections: 4_096,
  connectionsPerAddress: 64,
  connectTimeout: seconds(10),
  drainTimeout: seconds(3),
  unsentBytes: MIB,
  keepalive: minutes(5),
  unhandledMessages: 32,
  // Four of these are more than an agent's longest pause between two tries: nobody is lost who is on the way back.
  heartbeatInterval: seconds(90),
  farewell: seconds(1),
  queuedMessages: 256,
  queuedBytes: 4 * MIB,
  incomingMessages: 64,
  retainedMessages: 20_000,
  retainedBytes: 64 * MIB,
  databaseBytes: 512 * MIB,
};
