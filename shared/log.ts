import pino from "pino";

export const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];
export type Log = pino.Logger;

/** One JSON object a line on stdout. Nothing per payment at info. */
export function createLog(process: string, level: LogLevel): Log {
  return pino({ level, base: { process }, timestamp: pino.stdTimeFunctions.isoTime });
}
