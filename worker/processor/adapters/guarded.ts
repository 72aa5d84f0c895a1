/**
 * An adapter that somebody else has written, so that nothing it does can cost more than its own payments:
 * it may throw, give nonsense, change what it is handed, or take long. Then a charge that was answered is
 * *unknown*, with the cause as its reason, which opens the breaker like any other failure; a call that it
 * cannot describe has not left, and is refused. What never ends cannot be stopped from here.
 */
import { ADAPTER_MS_MAX, isCall, isCharged, isHeaders, isLookOutcome } from "./check.ts";
import { CHARS_MAX } from "../words.ts";
import type {
  Adapter,
  Charged,
  HealthReading,
  HttpAnswer,
  HttpCall,
  LookOutcome,
  Totals,
} from "./adapter.ts";

/** It could not say what to send. */
export class AdapterFault extends Error {}

type Is<T> = (it: unknown) => it is T;

export function guarded(adapter: Adapter, nowMs = () => performance.now()): Adapter {
  const { lookup, health, totals, authorize } = adapter;
  const ask = <T>(what: string, is: Is<T>, say: () => unknown): T => {
    const startMs = nowMs();
    let said: unknown;
    try {
      said = say();
    } catch (error) {
      throw new AdapterFault(`the adapter's ${what} threw: ${messageOf(error)}`);
    }
    const tookMs = nowMs() - startMs;
    if (tookMs > ADAPTER_MS_MAX) {
      throw new AdapterFault(`the adapter's ${what} took ${Math.round(tookMs)} ms`);
    }
    if (!is(said)) throw new AdapterFault(`the adapter's ${what} gave nonsense`);
    return said;
  };
  const or = <T>(fallback: (reason: string) => T, say: () => T): T => {
    try {
      return say();
    } catch (error) {
      if (!(error instanceof AdapterFault)) throw error;
      return fallback(error.message);
    }
  };
  return {
    remembersForMs: adapter.remembersForMs,
    charge: (payment) => twice(() => ask("charge", isCall, () => adapter.charge(own(payment)))),
    classifyCharge: (answer, payment) =>
      or(unknown, () =>
        ask("classifyCharge", isCharged, () =>
          adapter.classifyCharge(bounded(answer), own(payment)),
        ),
      ),
    ...(lookup && {
      lookup: {
        call: (payment) => ask("look", isCall, () => lookup.call(own(payment))),
        classify: (answer, payment) =>
          or(unclear, () =>
            ask("look", isLookOutcome, () => lookup.classify(bounded(answer), own(payment))),
          ),
      },
    }),
    ...(health && {
      health: {
        ...health,
        read: (answer) =>
          or(nothing, () => ask("health", isReading, () => health.read(bounded(answer)))),
      },
    }),
    ...(totals && {
      totals: {
        call: (window) => ask("totals", isCall, () => totals.call(window)),
        read: (answer) =>
          or(nothing, () => ask("totals", isTotals, () => totals.read(bounded(answer)))),
      },
    }),
    ...(authorize && {
      authorize: (secret) => ask("authorize", isHeaders, () => authorize(secret)),
    }),
  };
}

/** The bytes of an attempt have to be those of the next one. */
function twice(say: () => HttpCall): HttpCall {
  const call = say();
  if (JSON.stringify(call) === JSON.stringify(say())) return call;
  throw new AdapterFault("the adapter's charge has other bytes the second time");
}

/** Text of which nobody has so much to say is as good as none. */
function bounded(answer: HttpAnswer): HttpAnswer {
  const isLong = (answer.body?.length ?? 0) > CHARS_MAX;
  return isLong ? { ...answer, body: null } : answer;
}

function own<T extends object>(payment: T): T {
  return Object.freeze({ ...payment });
}

function isReading(it: unknown): it is HealthReading | null {
  if (it === null) return true;
  const { failing, minResponseTimeMs } = (it ?? {}) as Record<string, unknown>;
  return typeof failing === "boolean" && Number.isFinite(minResponseTimeMs);
}

function isTotals(it: unknown): it is Totals | null {
  if (it === null) return true;
  const { count, cents } = (it ?? {}) as Record<string, unknown>;
  return [count, cents].every((each) => Number.isSafeInteger(each) && (each as number) >= 0);
}

function messageOf(error: unknown): string {
  return String((error as Error | null)?.message ?? error).slice(0, 200);
}

function unknown(reason: string): Charged {
  return { kind: "unknown", reason };
}

function unclear(reason: string): LookOutcome {
  return { kind: "unclear", reason };
}

function nothing(): null {
  return null;
}
