/** Scenarios of game day: weathers of a minute, played again and again until another is chosen. */
import flapping from "../bench/contest/weathers/flapping.json";
import official from "../bench/contest/weathers/official.json";
import type { Weather } from "../bench/contest/weather.ts";
import { meant } from "../shared/arguments.ts";

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

/** Scenarios that a game day may begin with. */
export const SCENARIO_NAMES = SCENARIOS.filter(({ weather }) => weather !== null).map(
  ({ name }) => name,
);

/** The scenario that was asked for, null for none; or the sentence that says what is wrong. */
export function scenarioOf(name: string | undefined): Scenario | null | string {
  if (name === undefined) return null;
  const found = SCENARIOS.find((one) => one.name === name);
  if (found !== undefined && SCENARIO_NAMES.includes(found.name)) return found;
  return `--scenario is one of ${SCENARIO_NAMES.join(", ")}${meant(name, SCENARIO_NAMES)}`;
}
