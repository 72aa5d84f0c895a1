import { join } from "node:path";
import { readArguments } from "../../shared/arguments.ts";
import { parseHttpUrl } from "../../shared/settings.ts";
import type { Site } from "./run.ts";
import { Trouble } from "./trouble.ts";
import { parseWeather, type Weather } from "./weather.ts";

export type ContestOptions = {
  readonly site: Site;
  readonly users: number;
  readonly seconds: number;
  readonly seed: number | null;
  readonly weatherName: string;
  readonly weather: Weather;
  /** True starts `dev` even when something listens on the target. */
  readonly dev: boolean;
  readonly strict: boolean;
  readonly runs: number;
  /** Place of the report as JSON: a file, or `-` for stdout. */
  readonly json: string | null;
};

const USAGE = `usage: bun run contest [options]

A minute of load with bad weather at the payment processors, an audit, and a score: simulated users,
from 1 to 550, each post a payment of 19.90, wait for the answer, sleep a second, and repeat. Without
a gateway on the target, or with --dev, the gateway and its processors are started for the time of the
contest, with their data in a temporary folder. THE HISTORY OF A RUNNING ONE IS PURGED.

  --target URL         the gateway (http://127.0.0.1:9999)
  --default URL        its processors (http://127.0.0.1:8001 and http://127.0.0.1:8002)
  --fallback URL
  --token TEXT         the processors' X-Rinha-Token from now on (123)
  --admin-token TEXT   the gateway's ADMIN_TOKEN, if it has one
  --dev                start everything; the ports are those of the addresses above
  --users N            how many in the end (550)
  --seconds N          how long (60); the weather and the audits come as much sooner, but delays stay
                       as they are, so that a short contest is rougher than a full one
  --seed N             ids that are the same every time; a gateway pays an id once and remembers it for
                       ever, so use a seed once for a gateway
  --weather NAME|FILE  official (the default), dead, flapping, slow, or a file with
                       [{"at": 5, "default": {"delay": 100, "failing": false, "down": false}}, ...]
                       where at is in seconds of a contest of 60 s, and down is for simulators
  --strict             afterwards, an audit of every payment by its id
  --runs N             several contests, and their medians (1)
  --json [FILE]        the report as JSON, into the file or alone on stdout

Exits with 1 when a payment was not settled in time, when an audit did not agree, when more was settled
than accepted, and when the strict audit finds anything; with 2 when it cannot be held as asked.
`;

const WEATHERS = join(import.meta.dir, "weathers");
const SHIPPED = ["official", "dead", "flapping", "slow"];
const TEXT = { type: "string" } as const;
const FLAG = { type: "boolean" } as const;
const OPTIONS = {
  target: TEXT,
  default: TEXT,
  fallback: TEXT,
  token: TEXT,
  "admin-token": TEXT,
  dev: FLAG,
  users: TEXT,
  seconds: TEXT,
  seed: TEXT,
  weather: TEXT,
  strict: FLAG,
  runs: TEXT,
  json: TEXT,
};

/** Gives a text when that was asked for. Throws Trouble that names an option which does not exist. */
export async function readOptions(args: readonly string[]): Promise<ContestOptions | string> {
  const read = readArguments({ usage: USAGE, options: OPTIONS }, withJsonTarget(args));
  if (read.kind === "asked") return read.text;
  if (read.kind === "wrong") throw new Trouble(read.reason);
  const { values } = read;
  const weatherName = values.weather ?? "official";
  return {
    site: {
      url: addressOf("--target", values.target ?? "http://127.0.0.1:9999"),
      processors: {
        default: addressOf("--default", values.default ?? "http://127.0.0.1:8001"),
        fallback: addressOf("--fallback", values.fallback ?? "http://127.0.0.1:8002"),
      },
      token: headerText("--token", values.token ?? "123"),
      adminToken: values["admin-token"] ? headerText("--admin-token", values["admin-token"]) : null,
    },
    users: integerOf("--users", values.users ?? "550", 1, 10_000),
    seconds: integerOf("--seconds", values.seconds ?? "60", 1, 3_600),
    seed: values.seed === undefined ? null : integerOf("--seed", values.seed, 0, 2 ** 31 - 1),
    weatherName,
    weather: await readWeather(weatherName),
    dev: values.dev === true,
    strict: values.strict === true,
    runs: integerOf("--runs", values.runs ?? "1", 1, 100),
    json: values.json ?? null,
  };
}

/** Lets `--json` stand alone: then the report goes to stdout. */
function withJsonTarget(args: readonly string[]): string[] {
  return args.map((arg, i) => {
    const next = args[i + 1];
    return arg === "--json" && (next === undefined || next.startsWith("-")) ? "--json=-" : arg;
  });
}

function addressOf(flag: string, text: string): string {
  const url = parseHttpUrl(text);
  const isPlain = url !== null && url.startsWith("http:") && new URL(url).pathname === "/";
  if (!isPlain) throw new Trouble(`${flag}: ${text} is not an address like http://127.0.0.1:9999`);
  return url;
}

function integerOf(flag: string, text: string, min: number, max: number): number {
  const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw new Trouble(`${flag}: ${text} is not a whole number from ${min} to ${max}`);
}

function headerText(flag: string, text: string): string {
  if (/^[!-~]+$/.test(text)) return text;
  throw new Trouble(`${flag}: it has to be a text that a header can carry`);
}

async function readWeather(name: string): Promise<Weather> {
  const path = SHIPPED.includes(name) ? join(WEATHERS, `${name}.json`) : name;
  const file = Bun.file(path);
  if (!(await file.exists())) {
    throw new Trouble(`--weather: ${name} is no file, and none of ${SHIPPED.join(", ")}`);
  }
  const parsed = parseWeather(await file.text());
  if (!parsed.ok) throw new Trouble(`--weather: ${name}: ${parsed.reason}`);
  return parsed.weather;
}
