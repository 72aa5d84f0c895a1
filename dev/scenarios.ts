/** Scenarios of game day: weathers of a minute, played again and again until another is chosen. */
import flapping from "../bench/contest/weathers/flapping.json";
import official from "../bench/contest/weathers/official.json";
import type { Weather } from "../bench/contest/weather.ts";

export type Scenario = {
  readonly name: string;
  readonly about: string;
  /** Null plays nothing, and posts nothing. */
  readonly weather: Weather | null;
};

const FINE = { delay: 0, failing: false };
const DOWN = { ...FINE, down: true };
const FAILING = { delay: 10, failing: true };

const blackout: Weather = [
  { at: 0, default: FINE, fallback: FINE },
  { at: 6, default: FAILING },
  { at: 10, fallback: DOWN },
  { at: 26, fallback: FINE },
  { at: 38, default: { delay: 40, failing: false } },
  { at: 48, default: FINE },
];

export const SCENARIOS: readonly Scenario[] = [
  { name: "contest", about: "the weather of the contest", weather: official },
  { name: "flap", about: "the cheaper processor fails every other 2 s", weather: flapping },
  { name: "blackout", about: "both processors are away for a while", weather: blackout },
  {
    name: "calm",
    about: "both are fast and fine",
    weather: [{ at: 0, default: FINE, fallback: FINE }],
  },
  { name: "stop", about: "no payments, and both are fine", weather: null },
];

/** The scenario that was asked for, null for none; or the sentence that says what is wrong. */
export function scenarioOf(args: readonly string[]): Scenario | null | string {
  if (args.length === 0) return null;
  const [option, name, ...rest] = args[0]!.startsWith("--scenario=")
    ? ["--scenario", args[0]!.slice("--scenario=".length), ...args.slice(1)]
    : args;
  const names = SCENARIOS.filter(({ weather }) => weather !== null).map((one) => one.name);
  if (option !== "--scenario") return `dev takes no ${option}; see --help`;
  const found = SCENARIOS.find((one) => one.name === name);
  if (found === undefined || !names.includes(found.name) || rest.length > 0) {
    return `--scenario is one of ${names.join(", ")}`;
  }
  return found;
}
