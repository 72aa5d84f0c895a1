/**
 * The weather of the processors: a list of steps, with the seconds of a test of 60 s at which they
 * happen. A step says how each processor is from then on; one that it does not name stays as it is.
 */
import * as v from "valibot";

export const PROCESSOR_NAMES = ["default", "fallback"] as const;
export type ProcessorName = (typeof PROCESSOR_NAMES)[number];

const FULL_LENGTH_S = 60;

const processorState = v.strictObject({
  /** Milliseconds. */
  delay: v.pipe(v.number(), v.integer("whole milliseconds"), v.minValue(0, "0 or more")),
  failing: v.boolean(),
  /** True takes no call at all; simulated processors only. */
  down: v.exactOptional(v.boolean()),
});
const weatherStep = v.strictObject({
  at: v.pipe(v.number(), v.minValue(0, "0 or more")),
  default: v.exactOptional(processorState),
  fallback: v.exactOptional(processorState),
});
const weather = v.pipe(v.array(weatherStep), v.minLength(1, "at least one step"));

export type ProcessorState = v.InferOutput<typeof processorState>;
export type Weather = v.InferOutput<typeof weather>;

export type ScheduledStep = {
  readonly atMs: number;
  readonly states: readonly (readonly [ProcessorName, ProcessorState])[];
};

/** Reads the weather, or gives the sentence that says what is wrong with it. */
export function parseWeather(
  text: string,
): { ok: true; weather: Weather } | { ok: false; reason: string } {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { ok: false, reason: "it is not JSON" };
  }
  const parsed = v.safeParse(weather, value);
  if (parsed.success) return { ok: true, weather: parsed.output };
  const issue = parsed.issues[0];
  const where = v.getDotPath(issue);
  return { ok: false, reason: `${where === null ? "" : `${where}: `}${issue.message}` };
}

/** Times of the steps in a test of this length, in order: a shorter test has faster weather. */
export function scheduleOf(steps: Weather, durationMs: number): ScheduledStep[] {
  return steps
    .map((step) => ({
      atMs: (step.at * durationMs) / FULL_LENGTH_S,
      states: PROCESSOR_NAMES.flatMap((name) => {
        const state = step[name];
        return state === undefined ? [] : [[name, state] as const];
      }),
    }))
    .sort((a, b) => a.atMs - b.atMs);
}
