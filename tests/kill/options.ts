import { argumentsOrExit, refuseArguments } from "../../shared/arguments.ts";

export type KillOptions = {
  readonly kills: number;
  readonly seed: number;
  /** Payments a second. */
  readonly rate: number;
  readonly shops: number;
  /** Processors of every kind, with fees that change, instead of two of the contest's. */
  readonly kinds: boolean;
  /** Chance that a processor of the usual two is the independent one, for each journal. */
  readonly independent: number;
  /** A shop that is told by webhooks, and is killed too. */
  readonly webhooks: boolean;
  /** Pauses of more than a minute, too. */
  readonly pauses: boolean;
  /** True runs from source instead of the compiled binaries. */
  readonly source: boolean;
  /** Command of the worker, instead of the usual one. */
  readonly worker: readonly string[] | null;
  /** True has several machines instead of one, and a database for a journal. */
  readonly cluster: boolean;
  /** True cuts the power of the worker's machine instead, so many times with each sync. */
  readonly power: boolean;
  /** Longest time after the trouble until everything is settled. */
  readonly settleMsMax: number;
  /** Ends it early: the leg under way is audited, and that is all. */
  readonly over: AbortSignal | null;
  readonly log: (text: string) => void;
};

export const KILL_DEFAULTS: KillOptions = {
  kills: 60,
  seed: 1,
  rate: 250,
  shops: 64,
  kinds: false,
  independent: 0.5,
  webhooks: false,
  pauses: false,
  source: false,
  worker: null,
  cluster: false,
  power: false,
  settleMsMax: 60_000,
  over: null,
  log: () => {},
};
const OPTIONS = {
  kills: { type: "string" },
  seed: { type: "string" },
  rate: { type: "string" },
  long: { type: "boolean" },
  kinds: { type: "boolean" },
  independent: { type: "string" },
  webhooks: { type: "boolean" },
  pauses: { type: "boolean" },
  source: { type: "boolean" },
  cluster: { type: "boolean" },
  power: { type: "boolean" },
} as const;
const LONG_KILLS = 1_000;
/** Several machines on one share its cores with three databases. */
const CLUSTER_RATE = 60;

const HELP = `usage: bun run kill [options]

Real processes and a lossy network between them, killed and paused again and again under load; now
and then everything heals, has to settle, and every payment is audited. Exits 1 when anything does
not agree.

  --kills N   how many kill -9 (60)
  --long      1000 of them
  --seed N    of events, payments, network, weather (1)
  --rate N    payments a second (250)
  --independent N  of a hundred: how often a processor is not the simulated one but another, written
              from the contract alone; drawn for each processor and journal (50), and never with --kinds
  --kinds     processors of every kind: the contest's, one that stands in for Stripe, and one by an
              adapter of the test's own, whose memory is short; with fees that change at restarts
  --webhooks  a shop is told by webhooks what became of its payments, and is killed at moments of its own;
              in the end it must know of every one, and GET /events has to say the same
  --pauses    one round in ten stops a process for more than a minute, longer than every time-out
  --source    from source, instead of the binaries in dist/ (built when they are older than it)
  --cluster   three workers, two APIs and three PostgreSQL under Patroni, each on a machine of its own in
              a namespace: kills, pauses and cuts of any of them, alone and in pairs; --kills counts all
              of those, and the rate is 60. Exits 2 and says what is missing, when something is
  --power     the power of the worker's machine is cut instead, so many times with JOURNAL_SYNC=full and
              with normal: what was not synced is gone, any part of it and in any order. Needs strace
`;

/** Exits on --help, and with one line on an option that does not exist. */
export function killOptions(args: readonly string[]): KillOptions {
  const { values } = argumentsOrExit({ usage: HELP, options: OPTIONS }, args);
  const number = (name: "kills" | "seed" | "rate" | "independent", otherwise: number) => {
    const text = values[name];
    if (text === undefined) return otherwise;
    if (!/^\d{1,9}$/.test(text)) refuseArguments(HELP, `--${name}: ${text} is not a whole number`);
    return Number(text);
  };
  const isCluster = values.cluster === true;
  return {
    ...KILL_DEFAULTS,
    cluster: isCluster,
    power: values.power === true,
    kills: number("kills", values.long === true ? LONG_KILLS : KILL_DEFAULTS.kills),
    seed: number("seed", KILL_DEFAULTS.seed),
    rate: Math.max(1, number("rate", isCluster ? CLUSTER_RATE : KILL_DEFAULTS.rate)),
    kinds: values.kinds === true,
    independent: number("independent", 100 * KILL_DEFAULTS.independent) / 100,
    webhooks: values.webhooks === true,
    pauses: values.pauses === true,
    source: values.source === true,
    log: (text) => process.stdout.write(`${text}\n`),
  };
}
