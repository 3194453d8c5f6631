import { type DestinationStream, type Logger, pino } from "pino";

export type Log = Logger;

export const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;

/** JSON lines on stderr, or to the stream given. Constant messages, data in fields; never a secret. */
export function createLog(program: string, level: string, destination?: DestinationStream): Log {
  const options = { level, base: { program }, timestamp: pino.stdTimeFunctions.isoTime };
  return pino(options, destination ?? pino.destination({ fd: 2, sync: true }));
}

/** For callers that want none. */
export const silentLog: Log = pino({ level: "silent" });
