/**
 * Logs one JSON object a line on stdout; nothing per payment at info. Logging ends no process and
 * waits for no reader: lines that could not be written are counted, and told later.
 */
import pino from "pino";
import { LogSink } from "./log/sink.ts";
import { openStdout } from "./log/stdout.ts";

export const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];
export type Log = pino.Logger;

/** Time between looks whether a reader has made room, and the longest that an exit waits for that. */
const LOOK_MS = 20;
const LOOKS_AT_EXIT = 10;

/** Sink of this thread. */
let sink: LogSink | null = null;
let looking = false;

export function createLog(process: string, level: LogLevel): Log {
  const base = { process };
  const options = { level, base, timestamp: pino.stdTimeFunctions.isoTime };
  return pino(options, { write: (line) => writeTo((sink ??= openSink(options)), line) });
}

/** @internal Lines of this thread that could not be written. */
export function linesLost(): number {
  return sink?.lost ?? 0;
}

function openSink(options: pino.LoggerOptions): LogSink {
  process.on("exit", flushAtExit);
  return new LogSink(openStdout(), (lost) => {
    let line = "";
    const log = pino({ ...options, level: "warn" }, { write: (text) => (line = text) });
    log.warn({ lost }, "lines of this log could not be written");
    return line;
  });
}

function writeTo(to: LogSink, line: string): void {
  to.write(line);
  if (to.isWaiting && !looking) lookLater(to);
}

function lookLater(to: LogSink): void {
  looking = true;
  setTimeout(() => {
    looking = false;
    to.flush();
    if (to.isWaiting) lookLater(to);
  }, LOOK_MS).unref();
}

function flushAtExit(): void {
  for (let look = 0; look < LOOKS_AT_EXIT; look++) {
    sink?.flush();
    if (sink?.isWaiting !== true) return;
    Bun.sleepSync(LOOK_MS);
  }
}
