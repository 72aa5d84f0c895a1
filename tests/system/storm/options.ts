import { argumentsOrExit, refuseArguments } from "../../../shared/arguments.ts";

export type StormOptions = {
  readonly payments: number;
  readonly seed: number;
  /** Payments a second. */
  readonly rate: number;
  readonly shops: number;
  /** True adds to delays and failures: lost answers, resets, errors with and without an insert, hangs. */
  readonly faults: boolean;
  readonly killWorkerEveryMs: number | null;
  readonly killApiEveryMs: number | null;
  /** The worker's PROCESSOR_TIMEOUT_MS. */
  readonly processorTimeoutMs: number;
  /** The worker's PATIENCE_MS: short, so that both processors are used. */
  readonly patienceMs: number;
  /** Longest time after the weather has cleared up until everything is settled. */
  readonly settleMsMax: number;
  /** A gateway that runs already, and its processors; its history is purged. */
  readonly target: { readonly url: string; readonly processors: Record<string, string> } | null;
  readonly log: (text: string) => void;
};

export const STORM_DEFAULTS: StormOptions = {
  payments: 20_000,
  seed: 1,
  rate: 500,
  shops: 96,
  faults: false,
  killWorkerEveryMs: null,
  killApiEveryMs: null,
  processorTimeoutMs: 1_500,
  patienceMs: 2_000,
  settleMsMax: 90_000,
  target: null,
  log: () => {},
};

const HELP = `usage: bun tests/system/storm.ts [options]

Load with an audit: every payment is followed from the shop to the processor, while processors are
slowed, failed and healed and processes are killed. Exits 1 when anything does not agree.

  --payments N              how many (20000)
  --seed N                  of amounts, repeats, weather (1)
  --rate N                  payments a second (500)
  --shops N                 payments on their way at a time (96)
  --faults                  processors also lose answers, reset, err and hang
  --kill-worker-every-ms N  kill -9 of the worker
  --kill-api-every-ms N     kill -9 of one API, then the other
  --timeout-ms N            the worker's PROCESSOR_TIMEOUT_MS (1500)
  --patience-ms N           the worker's PATIENCE_MS (2000)
  --settle-ms N             everything settles within this time after the weather (90000)
  --target URL              a gateway that runs already; its history and its processors' are purged
  --default URL             the target's processors (http://127.0.0.1:8001 and 8002)
  --fallback URL
`;

const VALUED = [...HELP.matchAll(/--([a-z-]+) (?:N|URL)/g)].map(([, name]) => name as string);
const OPTIONS = {
  ...Object.fromEntries(VALUED.map((name) => [name, { type: "string" } as const])),
  faults: { type: "boolean" } as const,
};

/** Exits on --help, and with one line on an option that does not exist. */
export function stormOptions(args: readonly string[]): StormOptions {
  const values: Record<string, string | boolean | undefined> = argumentsOrExit(
    { usage: HELP, options: OPTIONS },
    args,
  ).values;
  const number = (name: string, otherwise: number) => {
    const text = values[name];
    if (text === undefined) return otherwise;
    if (!/^\d{1,9}$/.test(String(text))) {
      refuseArguments(HELP, `--${name}: ${text} is not a whole number`);
    }
    return Number(text);
  };
  const some = (name: string) => number(name, 0) || null;
  const text = (name: string, otherwise: string) => String(values[name] ?? otherwise);
  const processors = {
    default: text("default", "http://127.0.0.1:8001"),
    fallback: text("fallback", "http://127.0.0.1:8002"),
  };
  const target = values["target"];
  return {
    payments: number("payments", STORM_DEFAULTS.payments),
    seed: number("seed", STORM_DEFAULTS.seed),
    rate: number("rate", STORM_DEFAULTS.rate),
    shops: number("shops", STORM_DEFAULTS.shops),
    faults: values["faults"] === true,
    killWorkerEveryMs: some("kill-worker-every-ms"),
    killApiEveryMs: some("kill-api-every-ms"),
    processorTimeoutMs: number("timeout-ms", STORM_DEFAULTS.processorTimeoutMs),
    patienceMs: number("patience-ms", STORM_DEFAULTS.patienceMs),
    settleMsMax: number("settle-ms", STORM_DEFAULTS.settleMsMax),
    target: target === undefined ? null : { url: String(target), processors },
    log: (line) => process.stderr.write(`${line}\n`),
  };
}
